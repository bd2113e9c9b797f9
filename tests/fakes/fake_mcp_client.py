"""A client of ``fake_mcp.py`` that writes what the SDK's own would not, and a server for agents."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SERVER = Path(__file__).parent / "fake_mcp.py"
ROOT = SERVER.parents[2]
HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "raw", "version": "0"},
}


def called(number: int, tool: str, **arguments: Any) -> dict[str, Any]:
    """Return the request that calls a tool."""
    params = {"name": tool, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


@contextlib.contextmanager
def agents(url: str) -> Iterator[str]:
    """Start ``aludel mcp --server URL --http``, and give its address."""
    server = subprocess.Popen(
        [sys.executable, "-m", "aludel", "mcp", "--server", url, "--http", "0"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    try:
        found = re.search(r"http://\S+/mcp", server.stderr.readline())
        assert found
        yield found[0]
    finally:
        server.terminate()
        server.communicate(timeout=30)


class RawClient:
    """Speaks over the standard streams of a server's process; use as a context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"},
        )

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def send(self, message: dict[str, Any]) -> None:
        self.write(json.dumps(message).encode() + b"\n")

    def answer(self) -> dict[str, Any]:
        """Return the next line, which must be of the protocol."""
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert found["jsonrpc"] == "2.0"
        return found

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        self.send(message)
        found = self.answer()
        assert found["id"] == message["id"], found
        return found

    def vanish(self) -> None:
        """Read no further answer, as a client that was killed."""
        assert self._process.stdout is not None
        self._process.stdout.close()

    def end(self) -> tuple[int, str]:
        """Close the input; return the exit status and what stands on stderr."""
        _, said = self._process.communicate(timeout=30)
        return self._process.returncode, said.decode()

    def __enter__(self) -> Self:
        hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO}
        assert self.ask(hello)["result"]["serverInfo"]["name"] == "aludel"
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
