"""Cold start of the embedded Lean to its first verdict: the fast host against the simple one.

``python benchmarks/cold_start.py [--runs N]`` prints a table on stderr and, last, one JSON line on
stdout. Each run starts a fresh process; files come from the disk cache. The hosts take turns, so
that other load on the machine meets both.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field

import psutil
from rich.console import Console
from rich.progress import track
from rich.table import Table

from aludel.errors import ToolchainMissing
from aludel.lean_checker.embedded.command import Host
from aludel.lean_checker.embedded.install import install_root
from aludel.lean_checker.embedded.selftest import ensure_tested
from aludel.lean_checker.node import find_node
from aludel.lean_checker.process import ServerCommand
from aludel.lean_checker.program import ensure_program
from aludel.lean_checker.server_program import BOOT
from aludel.lean_checker.toolchains import find_toolchain, list_toolchains
from aludel.progress import Silent
from aludel.settings import Settings, load_settings

REQUEST = {
    "id": "cold",
    "op": "check",
    "imports": ["Init"],
    "statement": "theorem cold (a b : Nat) : a + b = b + a",
    "code": "theorem cold (a b : Nat) : a + b = b + a := by omega\n",
}
SIMPLE_EVERY = 3


@dataclass
class Sample:
    """Cost of the runs of one host: seconds from its start, resident megabytes."""

    ready_s: list[float] = field(default_factory=list)
    verdict_s: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)


def measure(command: ServerCommand, sample: Sample) -> None:
    """Start a server, ask for one verdict, and stop it."""
    started = time.perf_counter()
    with subprocess.Popen(
        command.argv,
        env=command.env,
        cwd=command.cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(json.dumps(REQUEST).encode() + b"\n")
            server.stdin.flush()
            ready = json.loads(server.stdout.readline())
            sample.ready_s.append(time.perf_counter() - started)
            answer = json.loads(server.stdout.readline())
            sample.verdict_s.append(time.perf_counter() - started)
            assert ready["ready"] is True
            assert answer["result"]["statement"]["match"] == "identical", answer
            sample.rss_mb.append(psutil.Process(server.pid).memory_info().rss / 2**20)
        finally:
            server.kill()


def commands(settings: Settings) -> dict[str, ServerCommand]:
    """Return how to start the server on each host."""
    fast = find_toolchain(settings)
    (installed,) = list_toolchains(settings)
    if installed.host != "fast":
        raise ToolchainMissing(f"the fast host is not in use: {installed.note}")
    simple = Host(install_root(settings), "simple", find_node(settings))
    ensure_tested(simple, Silent())  # writes its code cache
    return {
        "fast": fast.server_command(),
        "simple": simple.run_command(ensure_program(simple, Silent()), BOOT),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9, help="runs of the fast host")
    runs = parser.parse_args().runs
    console = Console(stderr=True)
    hosts = commands(load_settings())
    samples = {name: Sample() for name in hosts}
    for run in track(range(runs), "starting Lean", console=console):
        measure(hosts["fast"], samples["fast"])
        if run % SIMPLE_EVERY == 0:
            measure(hosts["simple"], samples["simple"])
    table = Table("host", "runs", "ready s", "first verdict s", "fastest", "slowest", "MB")
    for name, sample in samples.items():
        table.add_row(
            name,
            str(len(sample.verdict_s)),
            f"{statistics.median(sample.ready_s):.2f}",
            f"{statistics.median(sample.verdict_s):.2f}",
            f"{min(sample.verdict_s):.2f}",
            f"{max(sample.verdict_s):.2f}",
            f"{statistics.median(sample.rss_mb):.0f}",
        )
    console.print(table)
    median = {name: statistics.median(sample.verdict_s) for name, sample in samples.items()}
    figures = {
        "benchmark": "cold_start",
        "runs": runs,
        "fast_first_verdict_s": round(median["fast"], 3),
        "fast_ready_s": round(statistics.median(samples["fast"].ready_s), 3),
        "fast_fastest_s": round(min(samples["fast"].verdict_s), 3),
        "simple_first_verdict_s": round(median["simple"], 3),
        "ratio": round(median["simple"] / median["fast"], 2),
        "rss_mb": round(statistics.median(samples["fast"].rss_mb)),
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
