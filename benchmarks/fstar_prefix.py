"""Ten candidates of one definition: prefix kept, prefix reloaded, a fresh process for each.

``python benchmarks/fstar_prefix.py [--definitions N]`` prints a table on stderr and, last, one JSON
line on stdout. With a real F* (ALUDEL_FSTAR or PATH) the figures are measured on it. Without one
they are composed of replayed latencies: the parts of a recorded session, played back at recorded
speed to the real session code; ``source`` says which.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from aludel.deadline import Deadline
from aludel.errors import ToolchainMissing
from aludel.fstar_checker.checker import FStarChecker
from aludel.fstar_checker.pool import build_pool
from aludel.fstar_checker.process import FStarProcess
from aludel.fstar_checker.session import Fragment, Session
from aludel.fstar_checker.toolchain import FStarToolchain, find_fstar
from aludel.models import CheckRequest, FStarContext
from aludel.settings import Settings, load_settings

CANDIDATES = 10
MODES = ("prefix kept", "prefix reloaded", "fresh process")
TESTS = Path(__file__).parents[1] / "tests"
RECORDED = "05-push-many-pop"


def prefix_of(definitions: int) -> str:
    """A module's text before the definition: functions and lemmas that need the solver."""
    parts = ["module Bench", "", "open FStar.List.Tot", "open FStar.Mul", ""]
    for n in range(definitions):
        parts.append(f"let scale{n} (x:int) : Tot int = {n + 2} * x")
        law = f"scale{n} (x + y) == scale{n} x + scale{n} y"
        parts.append(f"let linear{n} (x y:int) : Lemma ({law}) = ()")
    return "\n".join(parts) + "\n"


def request(prefix: str, number: int) -> CheckRequest:
    """One of ten honest candidates, no two alike."""
    return CheckRequest(
        context=FStarContext(prefix=prefix),
        statement="val shift : x:int -> Tot (y:int{y > x})",
        code=f"let shift x = x + {number + 1}",
    )


def run_real(toolchain: FStarToolchain, settings: Settings, mode: str, prefix: str) -> float:
    """Seconds for ten candidates, the first of which finds nothing loaded."""
    worn = 1 if mode == "fresh process" else 1_000
    chosen = settings.model_copy(update={"pool_size": 1, "process_max_requests": worn})
    checker = FStarChecker(build_pool(toolchain, chosen), toolchain.toolchain, chosen)
    with contextlib.closing(checker):
        started = time.perf_counter()
        for number in range(CANDIDATES):
            text = shifted(prefix, number) if mode == "prefix reloaded" else prefix
            asked = request(text, number)
            assert checker.check(asked).kind == "accepted"
        return time.perf_counter() - started


def shifted(prefix: str, number: int) -> str:
    """The same prefix with other spaces after its header, so that a session keeps only the header.

    PoPAI's harness keeps less: it loads the module's dependencies again as well.
    """
    header, _, rest = prefix.partition("\nlet ")
    return f"{header}{' ' * (number + 1)}\nlet {rest}"


def measure_real(
    toolchain: FStarToolchain, settings: Settings, definitions: int
) -> dict[str, float]:
    """Measure the three modes on a real binary, one after the other."""
    prefix = prefix_of(definitions)
    return {mode: run_real(toolchain, settings, mode, prefix) for mode in MODES}


def measure_replayed() -> dict[str, float]:
    """Compose the three modes from the parts of one recorded session.

    Z3 starts with the first query of a process, so a reload pays for the prefix without that.
    """
    parts = replay_parts()
    cold = parts["start"] + parts["header"] + parts["prefix"]
    warm = parts["header"] + parts["warm_prefix"]
    candidate = parts["candidate"]
    return {
        "prefix kept": cold + CANDIDATES * candidate,
        "prefix reloaded": cold + (CANDIDATES - 1) * warm + CANDIDATES * candidate,
        "fresh process": CANDIDATES * (cold + candidate),
    }


def replay_parts() -> dict[str, float]:
    """Play the recording at its own speed; return the seconds of each part."""
    path = TESTS / "data" / "fstar" / "transcripts" / f"{RECORDED}.jsonl"
    replayer = TESTS / "fakes" / "fstar_replay.py"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    asked = [json.loads(r["line"]) for r in lines if r["dir"] == "in"]
    pushes = [q["args"] for q in asked if q["query"] == "push"]
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        command = [sys.executable, "-I", str(replayer), str(path), "1.0"]
        session = Session(FStarProcess(command, Path(folder), 2_000, os.environ))
        started = time.perf_counter()
        session.vfs_add(asked[0]["args"]["contents"], Deadline.after(30))
        took = [timed_push(session, push) for push in pushes[:6]]
        session.kill()
    # header; double, lemma_double, quad: the prefix; then good, after bad: the candidate.
    return {
        "start": started - begun,
        "header": took[0],
        "prefix": sum(took[1:4]),
        # The first of them waited for Z3 to start; the last push, of its kind, did not.
        "warm_prefix": took[5] + sum(took[2:4]),
        "candidate": took[5],
    }


def timed_push(session: Session, push: dict[str, Any]) -> float:
    started = time.perf_counter()
    session.push(Fragment(push["code"], push["line"], push["column"]), Deadline.after(30))
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--definitions", type=int, default=30, help="pairs in the prefix")
    definitions = parser.parse_args().definitions
    settings = load_settings()
    try:
        toolchain = find_fstar(settings)
        seconds = measure_real(toolchain, settings, definitions)
        source, version = "real", toolchain.toolchain.version
    except ToolchainMissing as error:
        print(f"no F*, so latencies are replayed: {error.message}", file=sys.stderr)
        seconds, source, version = measure_replayed(), "replayed", f"recording {RECORDED}"
    report(seconds, source, version, definitions)


def report(seconds: dict[str, float], source: str, version: str, definitions: int) -> None:
    """Print the table and the JSON line."""
    kept = seconds["prefix kept"]
    table = Table("mode", "seconds", "against kept", title=f"{CANDIDATES} candidates ({source})")
    for mode, value in seconds.items():
        table.add_row(mode, f"{value:.2f}", f"{value / kept:.1f}x")
    Console(stderr=True).print(table)
    figures = {
        "benchmark": "fstar_prefix",
        "source": source,
        "fstar": version,
        "candidates": CANDIDATES,
        "prefix_definitions": 2 * definitions if source == "real" else 3,
        "seconds": {mode: round(value, 3) for mode, value in seconds.items()},
        "reloaded_over_kept": round(seconds["prefix reloaded"] / kept, 2),
        "fresh_over_kept": round(seconds["fresh process"] / kept, 2),
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
