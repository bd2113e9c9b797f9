"""What ``aludel mutate`` and ``aludel demo`` share: a journaled run with progress and a table."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from aludel.errors import StoreError
from aludel.records import VariantRecord
from aludel.settings import Settings
from aludel.store import CachedChecker, Store
from lean_checker.checker import LeanChecker, build_checker
from lean_checker.operations import LeanOperations
from mutation import Journal, MutationEngine, MutationPlan, MutationReport, TargetOutcome

JOURNAL = "journal.jsonl"
VARIANTS = "variants.jsonl"
REPORT = "report.json"


@dataclass(frozen=True)
class MutationRun:
    """A finished run: its figures, its variants and where they were written."""

    report: MutationReport
    variants: list[VariantRecord]
    out: Path

    def files(self) -> dict[str, str]:
        """Return the paths of the files for people and programs."""
        return {
            "variants": str((self.out / VARIANTS).absolute()),
            "report": str((self.out / REPORT).absolute()),
        }


def mutate_into(
    out: Path, plan: MutationPlan, settings: Settings, store: Store, console: Console
) -> MutationRun:
    """Carry out ``plan``, go on where an earlier run in ``out`` stopped, and write its files.

    Raises:
        InvalidRequest: pattern, lemma or import does not exist.
        Conflict: ``out`` holds a run with another plan or toolchain.
        BackendUnavailable: the prover, the store or the disk failed; a rerun goes on.
    """
    started = time.monotonic()
    checker = build_checker(settings)
    try:
        store.toolchains.register(checker.toolchain)
        engine = MutationEngine(
            LeanOperations(checker.pool), CachedChecker(checker, store), checker.pool.size
        )
        with console.status("starting Lean and listing theorems"):
            checker.pool.warm_up()
            targets = engine.targets(plan)
        outcomes = _journaled(out, plan, engine, checker, store, targets, console)
    finally:
        checker.close()
    run = _summary(out, outcomes, time.monotonic() - started)
    _write_files(run)
    return run


def _journaled(
    out: Path,
    plan: MutationPlan,
    engine: MutationEngine,
    checker: LeanChecker,
    store: Store,
    targets: list[str],
    console: Console,
) -> list[TargetOutcome]:
    with Journal(out / JOURNAL, plan, checker.toolchain.digest) as journal:
        outcomes = list(journal.outcomes)
        found = sum(len(outcome.variants) for outcome in outcomes)
        with _progress(console) as progress:
            total = min(plan.limit, len(targets) * plan.per_target)
            bar = progress.add_task("mutating", total=total, completed=found, targets=len(outcomes))
            for outcome in engine.run(plan, targets, done=journal.outcomes):
                for variant in outcome.variants:
                    store.variants.add(variant)
                journal.append(outcome)
                outcomes.append(outcome)
                progress.update(bar, advance=len(outcome.variants), targets=len(outcomes))
            progress.update(bar, completed=total)
    return outcomes


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("variants, {task.fields[targets]} theorems done,"),
        TimeRemainingColumn(),
        TextColumn("left at most"),
        console=console,
    )


def _summary(out: Path, outcomes: list[TargetOutcome], wall_s: float) -> MutationRun:
    report = MutationReport()
    for outcome in outcomes:
        report.add(outcome.report)
    report.wall_s = wall_s
    return MutationRun(report, [v for outcome in outcomes for v in outcome.variants], out)


def _write_files(run: MutationRun) -> None:
    lines = "".join(variant.model_dump_json() + "\n" for variant in run.variants)
    try:
        _write(run.out / VARIANTS, lines)
        _write(run.out / REPORT, json.dumps(run.report.figures(), indent=2) + "\n")
    except OSError as error:
        raise StoreError(
            f"cannot write into {run.out}: {error.strerror or error}",
            field="--out",
            fix="free space and run the same command again; nothing is done twice",
        ) from error


def _write(path: Path, text: str) -> None:
    draft = path.with_suffix(path.suffix + ".part")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def report_table(report: MutationReport) -> Table:
    """Return the figures as a table for people."""
    table = Table(title="Mutation", show_header=False)
    table.add_column(justify="left")
    table.add_column(justify="right")
    table.add_row("target theorems", str(report.targets))
    if report.targets_failed:
        table.add_row("theorems given up (time, memory)", str(report.targets_failed))
    table.add_row("lemmas retrieved", str(report.retrieved))
    table.add_row("rewriting attempts", str(report.attempted))
    for reason, count in sorted(report.dropped.items()):
        table.add_row(f"  dropped: {reason.replace('_', ' ')}", str(count))
    table.add_row("variants constructed", str(report.constructed))
    for reason, count in sorted((report.rejected + report.undecided).items()):
        table.add_row(f"  refused or undecided: {reason.replace('_', ' ')}", str(count))
    table.add_row("variants accepted by Lean", str(report.accepted))
    table.add_row("conversion", f"{report.conversion:.1%}")
    per_variant = report.core_seconds_per_variant
    table.add_row("core-seconds", f"{report.core_seconds:.1f}")
    if per_variant is not None:
        table.add_row("core-seconds per accepted variant", f"{per_variant:.3f}")
    table.add_row("wall seconds", f"{report.wall_s:.1f}")
    return table
