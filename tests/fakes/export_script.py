"""Exports synthetic variants in a process of its own, for tests that kill it.

Usage: export_script.py OUT RECORDS [CHANGED] — record number CHANGED has another name.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from aludel.proof_export import ExportOptions, Provenance, SplitPlan, assign_splits, export
from aludel.records import VariantRecord

SHARD_ROWS = 500


def record(i: int, changed: int) -> VariantRecord:
    """Return one of a few families of variants."""
    name = f"other{i}" if i == changed else f"v{i}"
    return VariantRecord(
        name=name, statement=f"theorem {name} : {i} = {i}", proof="by\n  rfl" + " " * (i % 50),
        rule="rw", lemma="l", direction="forward", position="goal", parents=(f"t{i // 7}", "l"),
        imports=("Init",), toolchain_digest="d", verdict_hash="v", term_hash=f"t{i}",
    )  # fmt: skip


def main(out: Path, count: int, changed: int = -1) -> None:
    """Export, and say how far it is."""

    def records() -> Iterator[VariantRecord]:
        for i in range(count):
            if i % 500 == 0:
                print(i, flush=True)
            yield record(i, changed)
        print(count, flush=True)

    made = Provenance("command", "0")
    splits = assign_splits((record(i, changed) for i in range(count)), SplitPlan("lineage"))
    formats = ("jsonl", "jsonl.zst", "parquet")
    options = ExportOptions(("cpt", "whole_proof"), formats, SHARD_ROWS)
    export(records(), out, options, made, splits=splits)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), *map(int, sys.argv[3:]))
