"""The index of lemmas from 28 thousand theorems to ten times as many, with the real Lean.

Import sets: Init, Init and Std, all of Lean's library, and Init with a synthetic library of 100,000
and 250,000 theorems (copies of one small theory under names of their own, see
``synthetic/Generate.lean``), which is made once and kept in ``--folder``. In each a fresh process
imports the modules, builds the index, and answers ``mutate`` for the same theorems of Init, one
after the other, twice: the first pass grows the index's trees where it looks, the second finds them
grown.

Run: ``python benchmarks/index_scale.py``; a table on stderr, the last line of stdout is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from mutation_index import FIXED
from rich.console import Console
from rich.table import Table

from aludel.deadline import Deadline
from aludel.lean_checker.embedded.command import Host
from aludel.lean_checker.embedded.install import install_root
from aludel.lean_checker.embedded.manifest import read_manifest
from aludel.lean_checker.import_sets import import_set
from aludel.lean_checker.node import find_node
from aludel.lean_checker.operations import LeanOperations, MutationTask
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.program import run
from aludel.lean_checker.toolchains import find_toolchain
from aludel.settings import Settings, load_settings

GENERATOR = Path(__file__).parent / "synthetic"
CONFIG = 'name = "synthetic"\n'
THEOREMS_OF_A_COPY = 20
COPIES_OF_A_PART = 1_250
PARTS = 10
TARGETS = 100
RUN_S = 900.0
_SAMPLE_S = 0.2  # a process's usage is sampled at most every 0.1 s
CONSOLE = Console(stderr=True)


class ImportSet(NamedTuple):
    """What is imported, and how many synthetic theorems are among it."""

    name: str
    modules: tuple[str, ...]
    synthetic: int = 0


def parts(count: int) -> tuple[str, ...]:
    return tuple(f"Synthetic.Part{number}" for number in range(count))


def synthetic_set(count: int) -> ImportSet:
    theorems = count * COPIES_OF_A_PART * THEOREMS_OF_A_COPY
    return ImportSet(f"Init + {theorems:,} synthetic", ("Init", *parts(count)), theorems)


SETS = (
    ImportSet("Init", ("Init",)),
    ImportSet("Init + Std", ("Init", "Std")),
    ImportSet("Init + Std + Lean", ("Init", "Std", "Lean")),
    synthetic_set(4),
    synthetic_set(PARTS),
)


def build_library(folder: Path, settings: Settings) -> Path:
    """Write the parts of the synthetic library that are not there yet; return its Lake project."""
    root = folder / "synthetic"
    built = root / ".lake" / "build" / "lib" / "lean" / "Synthetic"
    built.mkdir(parents=True, exist_ok=True)
    (root / "lakefile.toml").write_text(CONFIG)
    install = install_root(settings)
    host = Host(install, read_manifest(install).host, find_node(settings))
    for number, module in enumerate(parts(PARTS)):
        if not (built / f"Part{number}.olean").exists():
            begun = time.monotonic()
            _write_part(host, built, module, number)
            CONSOLE.print(f"{module}: {time.monotonic() - begun:.0f} s")
    return root


def _write_part(host: Host, built: Path, module: str, number: int) -> None:
    first = number * COPIES_OF_A_PART
    with tempfile.TemporaryDirectory(dir=built) as beside:
        words = (module, "/out/part.olean", str(first), str(first + COPIES_OF_A_PART))
        command = ("--run", "/program/Generate.lean", *words)
        done = run(host.command(GENERATOR, command, output=Path(beside)), "", RUN_S)
        if done.stdout != "done\n":
            raise SystemExit(f"{module} was not written: {done.stdout}{done.stderr}")
        Path(beside, "part.olean").replace(built / f"Part{number}.olean")


def targets(settings: Settings) -> list[str]:
    """The same theorems of Init for all sets."""
    pool = LeanPool(find_toolchain(settings), settings)
    try:
        names = LeanOperations(pool).theorem_names(("Init",))
    finally:
        pool.close()
    others = sorted(set(names) - set(FIXED))
    chosen = random.Random(0)  # noqa: S311 - a sample, no secret
    return [*FIXED, *chosen.sample(others, TARGETS - len(FIXED))]


def measure(settings: Settings, which: ImportSet, names: list[str]) -> dict[str, Any]:
    """Ask a fresh process for variants of each theorem, twice; return times and memory."""
    pool = LeanPool(find_toolchain(settings), settings)
    operations = LeanOperations(pool)
    try:
        found = {"set": which.name} | _prepare(pool, operations, which.modules)
        first = [_answer(operations, which, name) for name in names]
        found["memory_mb_after"] = _memory_mb()
        again = [_answer(operations, which, name) for name in names]
    finally:
        pool.close()
    return found | {
        "first_s": round(first[0][0], 2),
        "hundredth_s": round(first[-1][0], 3),
        "first_pass_core_s": round(sum(one[1] for one in first), 1),
        "warm_median_ms": round(1_000 * statistics.median(one[0] for one in again), 1),
        "warm_core_s_per_target": round(sum(one[1] for one in again) / len(again), 3),
        "retrieved": sum(one[4] for one in again),
        "attempts": sum(one[3] for one in again),
        "variants": sum(one[2] for one in again),
        "load": round(os.getloadavg()[0], 1),
    }


def _prepare(
    pool: LeanPool, operations: LeanOperations, modules: tuple[str, ...]
) -> dict[str, Any]:
    """Have the pool's one process import the modules and index them; time each."""
    begun = time.perf_counter()
    with pool.lease(modules, Deadline.after(RUN_S)) as process:
        imported = time.perf_counter()
        time.sleep(_SAMPLE_S)
        before_mb, before_s = _memory_mb(), process.cpu_s
        began = time.perf_counter()
        process.index(import_set(modules), Deadline.after(RUN_S))
        built = time.perf_counter()
        time.sleep(_SAMPLE_S)
        spent_s = process.cpu_s - before_s
    return {
        "theorems": len(operations.theorem_names(modules)),
        "import_s": round(imported - begun, 2),
        "build_s": round(built - began, 2),
        "build_core_s": round(spent_s, 1),
        "memory_mb_imported": before_mb,
        "memory_mb_built": _memory_mb(),
    }


def _answer(
    operations: LeanOperations, which: ImportSet, name: str
) -> tuple[float, float, int, int, int]:
    task = MutationTask(
        target=name,
        imports=which.modules,
        lemmas=None,
        limit=10,
        max_attempts=2_000,
        seed=0,
        wall_s=RUN_S,
        rules=("rw", "apply"),
    )
    begun = time.perf_counter()
    result = operations.mutate(task)
    if not hasattr(result, "mutants"):
        raise SystemExit(f"{which.name}, {name}: {result}")
    wall_s = time.perf_counter() - begun
    tally = result.tally
    cpu_s = result.usage.cpu_s or 0.0
    return wall_s, cpu_s, len(result.mutants), tally.attempted, tally.retrieved


def _memory_mb() -> int:
    """Resident megabytes of the processes of Lean that this one started."""
    family = psutil.Process().children(recursive=True)
    return max((process.memory_info().rss >> 20 for process in family), default=0)


def table_of(rows: list[dict[str, Any]]) -> Table:
    columns = list(rows[0])
    table = Table(*columns)
    for row in rows:
        table.add_row(*(f"{row[key]:,}" if isinstance(row[key], int) else str(row[key])
                        for key in columns))  # fmt: skip
    return table


def main() -> None:
    """Measure every set that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".venv/index-scale"))
    parser.add_argument("--targets", type=int, default=TARGETS, help="how many theorems to ask for")
    parser.add_argument("--only", type=int, nargs="*", help="sets to measure, by number from 0")
    options = parser.parse_args()
    settings = load_settings().model_copy(update={"pool_size": 1})
    project = build_library(options.folder.resolve(), settings)
    names = targets(settings)[: options.targets]
    rows = []
    for number, which in enumerate(SETS):
        if options.only is None or number in options.only:
            chosen = (
                settings.model_copy(update={"project": str(project)})
                if which.synthetic
                else settings
            )
            rows.append(measure(chosen, which, names))
            CONSOLE.print(rows[-1])
    CONSOLE.print(table_of(rows))
    print(json.dumps({"benchmark": "index_scale", "targets": len(names), "sets": rows}))


if __name__ == "__main__":
    main()
