"""``aludel mcp`` as it is, with a prover in memory: accepts what says ``accept``, rejects the rest.

Usage: ``python fake_mcp.py [PORT]``; without a port, on standard input and output.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from fake_prover import FakeProver

from aludel.mcp_server import make_server, serve_http, serve_stdio
from aludel.mcp_server.local import LocalBackend
from aludel.models import Accepted, Evidence, Rejected, RejectReason, Verdict
from aludel.settings import Settings


def by_word(word: str, key: str) -> Verdict:
    print("not of the protocol", flush=True)
    if word == "accept":
        return Accepted(hash=key, evidence=Evidence(checks=("fake",)))
    return Rejected(hash=key, reason=RejectReason.ELABORATION, message="it is no Lean")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(cache_dir=Path(folder))
        server = make_server(LocalBackend(FakeProver(by_word), settings))
        if len(sys.argv) > 1:
            serve_http(server, int(sys.argv[1]), lambda line: print(line, file=sys.stderr))
        else:
            serve_stdio(server)


if __name__ == "__main__":
    main()
