"""Export of synthetic rows: rows per second and peak memory.

``python benchmarks/export_rows.py [--rows N]`` prints a table on stderr and, last, one JSON line on
stdout. Every case runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from aludel.models import Usage
from aludel.records import VariantRecord
from proof_export import ExportOptions, Provenance, export

CASES = {
    "cpt jsonl": ExportOptions(recipes=("cpt",), formats=("jsonl",)),
    "cpt parquet": ExportOptions(recipes=("cpt",), formats=("parquet",)),
    "variants jsonl": ExportOptions(recipes=("variants",), formats=("jsonl",)),
    "variants parquet": ExportOptions(recipes=("variants",), formats=("parquet",)),
    "both recipes, both formats": ExportOptions(),
}
SAMPLE_EVERY = 1_000


def synthetic(index: int) -> VariantRecord:
    """A record of realistic size; built without validation, which the store has done already."""
    name = f"Nat.add_assoc.variant{index}"
    return VariantRecord.model_construct(
        name=name,
        statement=f"theorem {name} (n m k : Nat) : m + n + k = n + (m + {index} + k - {index})",
        proof="by\n  have h := Nat.add_assoc n m k\n  rw [Nat.add_comm n m] at h\n  exact h",
        rule="rw",
        lemma="Nat.add_comm",
        direction="forward",
        position="goal",
        hypothesis=None,
        parents=("Nat.add_assoc", "Nat.add_comm"),
        round=1,
        imports=("Init",),
        toolchain_digest="d" * 64,
        verdict_hash=f"{index * 2654435761 % 2**64:064x}",
        term_hash=f"{index * 40503 % 2**32:064x}",
        usage=Usage.model_construct(
            wall_s=0.02 + index % 97 / 1000,
            cpu_s=None,
            prover_s=0.01 + index % 89 / 1000,
            heartbeats=index % 1000,
            peak_memory_mb=None,
            queue_s=None,
        ),
    )


class Source:
    """Yields synthetic records, samples the resident memory and times its own work."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.peak_bytes = 0

    def __iter__(self) -> Iterator[VariantRecord]:
        process = psutil.Process()
        for index in range(self._rows):
            if index % SAMPLE_EVERY == 0:
                self.peak_bytes = max(self.peak_bytes, process.memory_info().rss)
            yield synthetic(index)


def run_case(case: str, rows: int) -> dict[str, float]:
    """Measure one case in this process."""
    started = time.perf_counter()
    for _ in Source(rows):
        pass
    source_s = time.perf_counter() - started
    source = Source(rows)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        report = export(source, Path(folder) / "out", CASES[case], Provenance("benchmark", "0"))
        seconds = time.perf_counter() - started
        written = sum(report.rows.values())
        size = sum(file.bytes for file in report.files)
    return {
        "rows": written,
        "seconds": round(seconds, 2),
        "source_seconds": round(source_s, 2),
        "rows_per_s": round(written / seconds),
        "peak_memory_mb": round(source.peak_bytes / 2**20, 1),
        "megabytes": round(size / 2**20, 1),
    }


def run_apart(case: str, rows: int) -> dict[str, float]:
    """Measure one case in a fresh process."""
    command = [sys.executable, __file__, "--rows", str(rows), "--case", case]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, float] = json.loads(result.stdout)
    return figures


def table_of(results: dict[str, dict[str, float]]) -> Table:
    """The figures for people."""
    table = Table("case", title="Export")
    for name in next(iter(results.values())):
        table.add_column(name, justify="right")
    for case, figures in results.items():
        table.add_row(case, *(f"{value:,}" for value in figures.values()))
    return table


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000, help="records to export")
    parser.add_argument("--case", choices=CASES, help="measure one case in this process")
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(run_case(arguments.case, arguments.rows)))
        return
    console = Console(stderr=True)
    results = {}
    for case in CASES:
        console.print(f"exporting {arguments.rows:,} records: {case}")
        results[case] = run_apart(case, arguments.rows)
    console.print(table_of(results))
    everything = results["both recipes, both formats"]
    print(
        json.dumps(
            {
                "benchmark": "export_rows",
                "records": arguments.rows,
                "rows_per_s": everything["rows_per_s"],
                "peak_memory_mb": max(figures["peak_memory_mb"] for figures in results.values()),
                "cases": results,
            }
        )
    )


if __name__ == "__main__":
    main()
