"""What ``aludel mutate`` and ``aludel demo`` share: a journaled run with progress and a table."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from aludel.lean_checker.prover import LeanProver, build_prover
from aludel.mutation import (
    Journal,
    MutationEngine,
    MutationPlan,
    MutationReport,
    QualityCheck,
    RoundProgress,
    look_again,
    sample_of,
)
from aludel.mutation.folder import JOURNAL, RunFolder
from aludel.records import VariantRecord
from aludel.settings import Settings
from aludel.store import CachedChecker, Store


def mutate_into(
    out: Path,
    plan: MutationPlan,
    settings: Settings,
    store: Store,
    console: Console,
    quality: int = 0,
) -> RunFolder:
    """Carry out ``plan``, go on where an earlier run in ``out`` stopped, and write its files.

    Args:
        out: folder of the run.
        plan: what to do.
        settings: name the prover.
        store: gets the verdicts and variants.
        console: shows progress.
        quality: accepted variants to screen again at the end; 0 for none.

    Raises:
        InvalidRequest: pattern, lemma or import does not exist.
        Conflict: ``out`` holds a run with another plan or toolchain.
        BackendUnavailable: the prover, the store or the disk failed; a rerun goes on.
    """
    checker = build_prover(settings)
    try:
        with Journal(out / JOURNAL, plan, checker.toolchain.digest) as journal:
            with console.status("starting Lean"):
                checker.pool.warm_up()
            _carry_out(plan, checker, store, journal, console)
            report = MutationReport()
            for outcome in journal.outcomes():
                report.add(outcome.report)
            run = RunFolder(out, journal, plan, report)
            checked = _quality(run, checker, quality, console) if quality else None
    finally:
        checker.close()
    run = RunFolder(out, journal, plan, report, checked)
    run.write()
    return run


def _carry_out(
    plan: MutationPlan, checker: LeanProver, store: Store, journal: Journal, console: Console
) -> None:
    """Rewrite what the journal lacks; every outcome is in the store before it is in the journal."""
    source, cached = checker.operations, CachedChecker(checker, store)
    with _bar(console) as bar:
        task = bar.add_task("mutating", total=None, round=1, accepted=0)

        def show(now: RoundProgress) -> None:
            bar.update(task, total=now.targets, completed=now.done)
            bar.update(task, round=now.number, accepted=now.accepted)

        engine = MutationEngine(source, cached, checker.pool.size, progress=show)
        wall, cpu = time.monotonic(), time.thread_time()
        for outcome in engine.run(plan, done=journal.outcomes()):
            for variant in outcome.variants:
                store.variants.add(variant)
            costs = outcome.report.costs
            costs.wall_s, wall = time.monotonic() - wall, time.monotonic()
            costs.driver_s, cpu = costs.driver_s + time.thread_time() - cpu, time.thread_time()
            journal.append(outcome)


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("round {task.fields[round]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("theorems, {task.fields[accepted]} variants accepted,"),
        TimeRemainingColumn(),
        TextColumn("left at most"),
        console=console,
    )


def _quality(run: RunFolder, checker: LeanProver, size: int, console: Console) -> QualityCheck:
    sample, shapes = sample_of(run.variants(), size, run.plan.seed)
    columns = (
        TextColumn("quality check"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("quality", total=len(sample))
        return look_again(
            checker.operations,
            run.plan,
            sample,
            shapes,
            lambda done: progress.advance(bar, done),
        )


def example_of(run: RunFolder) -> VariantRecord | None:
    """Return the variant that is easiest to read, if there is one."""
    return min(run.variants(), key=lambda v: (v.position == "goal", len(v.code)), default=None)


def report_table(run: RunFolder) -> Table:
    """Return the figures as a table for people."""
    report = run.report
    total = report.total
    table = Table(title="Mutation", show_header=False)
    table.add_column(justify="left")
    table.add_column(justify="right")
    table.add_row("target theorems", str(report.targets))
    for reason, count in sorted(report.failed.items()):
        table.add_row(f"  given up: {reason}", str(count))
    table.add_row("lemmas retrieved", str(report.retrieved))
    table.add_row("attempts", str(report.attempted))
    _add_counts(table, "no statement", report.dropped)
    table.add_row("variants constructed", str(total.constructed))
    table.add_row("variants accepted by Lean", f"{total.proved} of {total.checked}")
    _add_counts(table, "refused or undecided", total.rejected + total.undecided)
    table.add_row("conversion", "-" if total.conversion is None else f"{total.conversion:.1%}")
    _add_counts(table, "filtered", total.filtered)
    table.add_row("variants kept", str(total.accepted))
    table.add_row("core-seconds", f"{report.costs.core_s:.1f}")
    if report.core_seconds_per_accepted is not None:
        table.add_row("core-seconds per kept variant", f"{report.core_seconds_per_accepted:.3f}")
    table.add_row("wall seconds", f"{report.costs.wall_s:.1f}")
    if run.quality is not None:
        table.add_row(f"faults in {run.quality.sample} of them", str(len(run.quality.findings)))
    return table


def _add_counts(table: Table, what: str, counts: dict[str, int]) -> None:
    for reason, count in sorted(counts.items()):
        table.add_row(f"  {what}: {reason.replace('_', ' ')}", str(count))
