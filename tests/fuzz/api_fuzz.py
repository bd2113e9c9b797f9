"""Send what nobody would send to every operation of the OpenAPI document; no answer may be 5xx.

Usage: ``python tests/fuzz/api_fuzz.py --examples 20 --seed 1`` (``make fuzz EXAMPLES=20 SEED=1``).
API and worker are real; the provers of checks and tactics are fakes that take anything.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "fakes"))

import httpx
from fake_goals import FakeGoals
from fake_prover import FakeProver
from fstar_support import FAKE_TOOLCHAIN
from live_api import live_api

from aludel.auditing import LeanAuditor
from aludel.goals import GoalRequest, GoalState
from aludel.models import Usage, Verdict
from aludel.proving.lemmas import library_opener
from aludel.settings import Settings

PROGRAM = Path(sys.executable).parent / "schemathesis"
ALL_PHASES = ("examples", "coverage", "fuzzing", "stateful")
# A stream ends with its job, which a fuzzer does not wait for.
_STREAMS = "/events$"


class _Agreeable(FakeProver):
    """Accepts everything."""

    def _decide(self, word: str, key: str, usage: Usage) -> Verdict:
        return super()._decide("accept", key, usage)


class _AnyGoals(FakeGoals):
    """Takes every statement for the same."""

    def open(self, request: GoalRequest) -> GoalState:
        return super().open(request.model_copy(update={"statement": "theorem t : 3"}))


@dataclass(frozen=True)
class Report:
    """What came of it: operations of the document, how many were tried, requests, and the rest."""

    failed: bool
    operations: int
    tested: int
    requests: int
    output: str


def fuzz(folder: Path, *, examples: int, seed: int, phases: Sequence[str] = ALL_PHASES) -> Report:
    """Fuzz a service whose files are in ``folder``; ``examples`` for each operation and phase."""
    settings = Settings(data_dir=folder, pool_size=2)
    with live_api(
        settings,
        lambda _: _Agreeable(),
        lambda *_: _AnyGoals(),
        auditor=lambda prover: LeanAuditor(prover.operations, 2),
        library=library_opener,
    ) as api:
        api.store.toolchains.register(FAKE_TOOLCHAIN)  # so that F* is refused for no other reason
        options = {
            "--checks": "not_a_server_error",
            "--phases": ",".join(phases),
            "--max-examples": str(examples),
            "--seed": str(seed),
            "--exclude-path-regex": _STREAMS,
            "--request-timeout": "30",
        }
        # Made when it is first asked for, and the program waits for ten seconds.
        httpx.get(f"{api.url}/openapi.json", timeout=120).raise_for_status()
        words = [word for option in options.items() for word in option]
        done = subprocess.run(
            [PROGRAM, "run", f"{api.url}/openapi.json", *words, "--no-color"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    said = done.stdout + done.stderr
    return Report(
        failed=done.returncode != 0,
        operations=_number(r"Selected: \d+/(\d+)", said),
        tested=_number(r"Tested: (\d+)", said),
        requests=_number(r"(\d+) generated", said),
        output=said,
    )


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found is not None, text
    return int(found[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aludel-fuzz-") as folder:
        report = fuzz(Path(folder), examples=options.examples, seed=options.seed)
    sys.stdout.write(report.output)
    sys.exit(report.failed)


if __name__ == "__main__":
    main()
