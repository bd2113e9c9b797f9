"""Export of synthetic rows: rows per second and peak memory.

``python benchmarks/export_rows.py [--rows N]`` prints a table on stderr and, last, one JSON line on
stdout. Every case runs in a process of its own, so that its peak memory is its own.

A case is a few recipes in a few formats. A pair is a row in one format: what is written to two
files counts twice. Seconds are those of ``export``, which include making the records; with a split,
the pass that draws it and makes the records once more is included as well. CPU seconds are the same
for the process alone, whatever else the machine does. Peak memory is the process's largest resident
size as the kernel knows it.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from aludel.attempts import AttemptPlan, AttemptRecord
from aludel.models import (
    Accepted,
    CheckRequest,
    Diagnostic,
    Evidence,
    LeanContext,
    Rejected,
    RejectReason,
    Severity,
    Usage,
)
from aludel.proof_export import (
    ATTEMPTS,
    DEFAULT_FORMATS,
    LINEAGES,
    ExportOptions,
    ExportReport,
    Feed,
    Provenance,
    RunAttempt,
    SplitPlan,
    assign_splits,
    export,
    lineages,
)
from aludel.proof_export.splitting import SplitKind
from aludel.records import VariantRecord

_THREE = ("cpt", "variants", "whole_proof")
CONTEXT = LeanContext(imports=("Init",))
PLAN = AttemptPlan(generator="g", toolchain_digest="d" * 64, problems_digest="p" * 64)
CASES: dict[str, tuple[ExportOptions, SplitKind]] = {
    "cpt jsonl": (ExportOptions(("cpt",), ("jsonl",)), "none"),
    "cpt jsonl.zst": (ExportOptions(("cpt",), ("jsonl.zst",)), "none"),
    "cpt parquet": (ExportOptions(("cpt",), ("parquet",)), "none"),
    "variants jsonl": (ExportOptions(("variants",), ("jsonl",)), "none"),
    "variants parquet": (ExportOptions(("variants",), ("parquet",)), "none"),
    "whole_proof parquet": (ExportOptions(("whole_proof",), ("parquet",)), "none"),
    "attempts parquet": (ExportOptions(("attempts",), ("parquet",)), "none"),
    "lineage parquet": (ExportOptions(("lineage",), ("parquet",)), "none"),
    "cpt parquet, lineage split": (ExportOptions(("cpt",), ("parquet",)), "lineage"),
    "cpt parquet, novel_premises": (ExportOptions(("cpt",), ("parquet",)), "novel_premises"),
    "cpt, variants, whole_proof; jsonl, parquet": (ExportOptions(_THREE), "none"),
    "the same, lineage split": (ExportOptions(_THREE), "lineage"),
}
PER_FAMILY = 8


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
        parents=(f"Nat.theorem{index // PER_FAMILY}", f"Nat.lemma{index % 5_003}"),
        round=1,
        imports=("Init",),
        toolchain_digest="d" * 64,
        verdict_hash=f"{index * 2654435761 % 2**64:064x}",
        term_hash=str(index * 40503 % 2**32),
        shape_hash=str(index * 69069 % 2**32),
        usage=Usage.model_construct(
            wall_s=0.02 + index % 97 / 1000,
            cpu_s=None,
            prover_s=0.01 + index % 89 / 1000,
            heartbeats=index % 1000,
            peak_memory_mb=None,
            queue_s=None,
        ),
    )


def attempt(index: int) -> RunAttempt:
    """An attempt on every theorem in turn, one in two rejected; built without validation."""
    variant = synthetic(index)
    verdict: Accepted | Rejected = Accepted(hash=variant.verdict_hash, evidence=Evidence())
    if index % 2:
        verdict = Rejected(
            hash=variant.verdict_hash,
            reason=RejectReason.UNSOLVED_GOALS,
            diagnostics=(Diagnostic(severity=Severity.ERROR, message="unsolved goals"),),
        )
    request = CheckRequest.model_construct(
        context=CONTEXT, statement=variant.statement, code=variant.code
    )
    record = AttemptRecord.model_construct(
        problem=variant.name,
        position=0,
        round=0,
        candidate=request,
        verdict=verdict,
        prompt_hash="p" * 64,
        prompt_tokens=100,
        completion_tokens=50,
        price=0.0,
        wall_s=0.5,
    )
    return RunAttempt("run", PLAN, record)


def variants(rows: int) -> Iterator[VariantRecord]:
    """The records of a case."""
    return (synthetic(index) for index in range(rows))


def written(options: ExportOptions, kind: SplitKind, rows: int, out: Path) -> ExportReport:
    """Make the records, divide them if asked, and export them."""
    splits = None
    if kind != "none":
        splits = assign_splits(variants(rows), SplitPlan(kind))
    more: dict[Feed[Any], Iterable[Any]] = {
        ATTEMPTS: (attempt(index) for index in range(rows)),
        LINEAGES: lineages(lambda: variants(rows)),
    }
    return export(variants(rows), out, options, Provenance("benchmark", "0"), more, splits=splits)


def run_case(case: str, rows: int) -> dict[str, float]:
    """Measure one case in this process."""
    options, kind = CASES[case]
    busy = time.process_time()
    source = (attempt(i) for i in range(rows)) if "attempts" in case else variants(rows)
    collections.deque(source, maxlen=0)
    source_s = time.process_time() - busy
    with tempfile.TemporaryDirectory() as folder:
        started, busy = time.perf_counter(), time.process_time()
        report = written(options, kind, rows, Path(folder) / "out")
        seconds, cpu_s = time.perf_counter() - started, time.process_time() - busy
        total = sum(report.rows.values())
        size = sum(file.bytes for file in report.files)
    pairs = len(options.recipes) * len(options.formats or DEFAULT_FORMATS)
    return {
        "rows": total,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_s, 2),
        "source_cpu_seconds": round(source_s, 2),
        "rows_per_s": round(total / seconds),
        "pair_rows_per_s": round(rows * pairs / seconds),
        "pair_rows_per_cpu_s": round(rows * pairs / cpu_s),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
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
    everything = results["the same, lineage split"]
    print(
        json.dumps(
            {
                "benchmark": "export_rows",
                "records": arguments.rows,
                "rows_per_s": everything["rows_per_s"],
                "pair_rows_per_s": everything["pair_rows_per_s"],
                "pair_rows_per_cpu_s": everything["pair_rows_per_cpu_s"],
                "peak_memory_mb": max(figures["peak_memory_mb"] for figures in results.values()),
                "load_average": os.getloadavg(),
                "cases": results,
            }
        )
    )


if __name__ == "__main__":
    main()
