"""Mutation runs from start to end: what ``aludel mutate``, ``aludel demo`` and the workers call."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from aludel.errors import InvalidRequest
from aludel.lean_checker.operations import MutantSource
from aludel.lean_checker.project import open_project
from aludel.mutation.engine import MutationEngine, RoundProgress
from aludel.mutation.folder import JOURNAL, RunFolder
from aludel.mutation.journal import Journal
from aludel.mutation.outcome import TargetOutcome
from aludel.mutation.plan import MutationPlan
from aludel.mutation.quality import QualityCheck, look_again, sample_of
from aludel.mutation.report import MutationReport
from aludel.progress import Progress
from aludel.protocols import Checker
from aludel.provers import build_prover
from aludel.settings import Settings
from aludel.store import CachedChecker, Store

Record = Callable[[TargetOutcome], object]
"""Keeps the outcome of a target; what it raises ends the run."""


def mutate(
    plan: MutationPlan,
    engine: MutationEngine,
    record: Record,
    progress: Progress,
    done: Iterable[TargetOutcome] = (),
) -> None:
    """Rewrite what an earlier part of the run did not, and record every outcome with its costs.

    Args:
        plan: what to do.
        engine: rewrites and judges.
        record: is given the outcomes in order.
        progress: gets a step for each round.
        done: outcomes of the earlier part, in order.

    Raises:
        InvalidRequest: pattern, lemma or import does not exist, or the statement is not proved.
        BackendUnavailable: the machine failed.
    """
    engine.progress = _Rounds(progress).show
    wall, cpu = time.monotonic(), time.thread_time()
    for outcome in engine.run(plan, done=done):
        costs = outcome.report.costs
        costs.wall_s, wall = time.monotonic() - wall, time.monotonic()
        costs.driver_s, cpu = costs.driver_s + time.thread_time() - cpu, time.thread_time()
        record(outcome)


def mutate_into(
    out: Path,
    plan: MutationPlan,
    settings: Settings,
    store: Store,
    progress: Progress,
    quality: int = 0,
) -> RunFolder:
    """Carry out ``plan``, go on where an earlier run in ``out`` stopped, and write its files.

    Args:
        out: folder of the run.
        plan: what to do.
        settings: name the prover.
        store: gets the verdicts and variants.
        progress: told how far it is.
        quality: accepted variants to screen again at the end; 0 for none.

    Raises:
        InvalidRequest: pattern, lemma or import does not exist.
        Conflict: ``out`` holds a run with another plan or toolchain.
        BackendUnavailable: the prover, the store or the disk failed; a rerun goes on.
    """
    with closing(build_prover(settings)) as checker:
        source = checker.operations
        with Journal(out / JOURNAL, plan, checker.toolchain.digest) as journal:
            progress.step("starting Lean")
            checker.warm_up()
            cached: Checker = CachedChecker(checker, store, checker.caught)
            engine = MutationEngine(source, cached, checker.size)
            mutate(plan, engine, _recorder(store, journal), progress, journal.outcomes())
            report = MutationReport()
            for outcome in journal.outcomes():
                report.add(outcome.report)
            run = RunFolder(out, journal, plan, report)
            checked = _quality(run, source, quality, progress) if quality else None
    run = RunFolder(out, journal, plan, report, checked)
    run.write()
    return run


def in_project(plan: MutationPlan, project: str) -> MutationPlan:
    """Return the plan with the modules of a Lake project that its globs match, imported as well.

    Raises:
        InvalidRequest: the plan names modules and there is no project, or none of it matches.
    """
    if not plan.modules:
        return plan
    if not project:
        raise InvalidRequest(
            "needs a project", field="modules", fix="give --project DIR, or set ALUDEL_PROJECT"
        )
    chosen = open_project(Path(project)).matching(plan.modules)
    imports = tuple(dict.fromkeys((*plan.imports, *chosen)))
    patterns = plan.patterns or ("*",)
    return plan.model_copy(update={"modules": chosen, "imports": imports, "patterns": patterns})


class _Rounds:
    """Tells a run's progress: a step for each round, in theorems."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._round = self._done = 0

    def show(self, now: RoundProgress) -> None:
        if now.number != self._round:
            self._round, self._done = now.number, now.done
            self._progress.step(f"round {now.number}, theorems", now.targets, now.done)
        self._progress.advance(now.done - self._done, f"{now.accepted} variants accepted")
        self._done = now.done


def _recorder(store: Store, journal: Journal) -> Record:
    """Have every outcome in the store before it is in the journal."""

    def record(outcome: TargetOutcome) -> None:
        for variant in outcome.variants:
            store.variants.add(variant)
        journal.append(outcome)

    return record


def _quality(run: RunFolder, source: MutantSource, size: int, progress: Progress) -> QualityCheck:
    sample, shapes = sample_of(run.variants(), size, run.plan.seed)
    progress.step("quality check", len(sample))
    return look_again(source, run.plan, sample, shapes, progress.advance)
