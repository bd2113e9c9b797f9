"""Mutation runs: choose targets, rewrite them, check every statement as any candidate is checked.

Follows Alchemy (ICLR 2025), Algorithms 1 and 2, on terms instead of text: each theorem is rewritten
with every retrieved lemma, in both directions, at its conclusion and at its hypotheses.
"""

from __future__ import annotations

import fnmatch
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from aludel.errors import InvalidRequest
from aludel.models import Accepted, Budget, CheckRequest, LeanContext, Rejected, Verdict
from aludel.protocols import Checker
from aludel.records import VariantRecord
from lean_checker.operations import Mutant, MutantSource, MutationResult, MutationTask
from lean_checker.process import LimitReached
from mutation.naming import order_key, variant_name
from mutation.report import MutationReport

TARGET_WALL_S = 120.0
DROPPED_AT_MERGE = "duplicate_of_other_target"


class MutationPlan(BaseModel):
    """What a run shall do.

    Attributes:
        patterns: globs over names of theorems; one that matches is enough.
        imports: import set whose theorems are rewritten.
        limit: accepted variants after which the run ends.
        per_target: mutants of one theorem after which it is done.
        max_attempts: rewriting attempts on one theorem after which it is done.
        max_targets: theorems after which the run ends; None means all that match.
        lemmas: names to rewrite with; None retrieves them.
        seed: decides the order of targets and lemmas.
    """

    model_config = ConfigDict(frozen=True)

    patterns: tuple[str, ...] = Field(min_length=1)
    imports: tuple[str, ...] = ("Init",)
    limit: int = Field(default=50, ge=1)
    per_target: int = Field(default=20, ge=1)
    max_attempts: int = Field(default=2_000, ge=1)
    max_targets: int | None = Field(default=None, ge=1)
    lemmas: tuple[str, ...] | None = None
    seed: int = 0


@dataclass
class TargetOutcome:
    """What one target gave: its accepted variants and its figures."""

    target: str
    variants: list[VariantRecord] = field(default_factory=list)
    report: MutationReport = field(default_factory=MutationReport)


@dataclass
class MutationEngine:
    """Rewrites and checks; safe to use from one thread, works on several.

    Attributes:
        source: theorems and mutants.
        checker: judges every variant.
        workers: targets in flight at once.
        stopping: polled between targets; a true answer ends the run early.
    """

    source: MutantSource
    checker: Checker
    workers: int = 0
    stopping: Callable[[], bool] = lambda: False

    def targets(self, plan: MutationPlan) -> list[str]:
        """Return the names that match the plan, in the order of its seed.

        Raises:
            InvalidRequest: no theorem of the import set matches one of the patterns.
        """
        names = self.source.theorem_names(plan.imports)
        chosen: set[str] = set()
        for pattern in plan.patterns:
            matching = fnmatch.filter(names, pattern)
            if not matching:
                raise InvalidRequest(
                    f"no theorem of {', '.join(plan.imports)} matches {pattern!r}",
                    field="pattern",
                    fix="use a glob over full names, for example 'Nat.*', or import its module",
                )
            chosen.update(matching)
        return sorted(chosen, key=lambda name: order_key(plan.seed, name))[: plan.max_targets]

    def run(
        self, plan: MutationPlan, targets: list[str], done: Sequence[TargetOutcome] = ()
    ) -> Iterator[TargetOutcome]:
        """Rewrite ``targets`` and yield their outcomes in order, until the plan's limit is reached.

        The order of outcomes does not depend on how many are worked on at once.

        Args:
            plan: what to do.
            targets: names in the order of the plan.
            done: outcomes of an earlier part of the same run; their targets are skipped.

        Raises:
            InvalidRequest: a lemma or import of the plan does not exist.
            BackendUnavailable: the machine failed.
        """
        merged = Merger(plan.limit)
        for outcome in done:
            merged.take(outcome)
        finished = {outcome.target for outcome in done}
        workers = self.workers or os.cpu_count() or 1
        with ThreadPoolExecutor(workers) as threads:
            waiting: deque[Future[TargetOutcome]] = deque()
            remaining = (name for name in targets if name not in finished)
            try:
                while merged.left and not self.stopping():
                    while (
                        len(waiting) < workers + 1 and (name := next(remaining, None)) is not None
                    ):
                        waiting.append(threads.submit(self._target, plan, name))
                    if not waiting:
                        return
                    yield merged.take(waiting.popleft().result())
            finally:
                for future in waiting:
                    future.cancel()

    def _target(self, plan: MutationPlan, target: str) -> TargetOutcome:
        task = MutationTask(
            target=target,
            imports=plan.imports,
            lemmas=plan.lemmas,
            limit=min(plan.per_target, plan.limit),
            max_attempts=plan.max_attempts,
            seed=plan.seed,
            wall_s=TARGET_WALL_S,
        )
        try:
            result = self.source.mutate(task)
        except LimitReached as limit:
            report = MutationReport(targets_failed=1, core_seconds=limit.usage.cpu_s or 0.0)
            return TargetOutcome(target, report=report)
        return self._judge(plan, target, result)

    def _judge(self, plan: MutationPlan, target: str, result: MutationResult) -> TargetOutcome:
        outcome = TargetOutcome(target, report=_construction_figures(result))
        share = (result.usage.cpu_s or 0.0) / max(1, len(result.mutants))
        digest = self.checker.toolchain.digest
        for mutant in result.mutants:
            candidate = candidate_of(plan, target, mutant)
            verdict = self.checker.check(candidate)
            _count(outcome.report, verdict)
            if isinstance(verdict, Accepted):
                outcome.variants.append(_record(target, mutant, candidate, verdict, digest, share))
        return outcome


def candidate_of(plan: MutationPlan, target: str, mutant: Mutant) -> CheckRequest:
    """Return the request that judges a mutant: its statement, and its text as the candidate."""
    statement = f"theorem {variant_name(target, mutant)}{mutant.header}"
    return CheckRequest(
        context=LeanContext(imports=plan.imports),
        statement=statement,
        code=f"{statement} := {mutant.proof}\n",
        budget=Budget(wall_s=TARGET_WALL_S),
    )


class Merger:
    """Takes outcomes in order, drops what an earlier target gave, and cuts at the limit."""

    def __init__(self, limit: int) -> None:
        self.left = limit
        self._seen: set[str] = set()

    def take(self, outcome: TargetOutcome) -> TargetOutcome:
        """Return ``outcome`` without variants whose terms were taken before, at most the limit."""
        kept: list[VariantRecord] = []
        for variant in outcome.variants:
            if variant.term_hash in self._seen:
                outcome.report.dropped[DROPPED_AT_MERGE] += 1
            elif len(kept) < self.left:
                self._seen.add(variant.term_hash)
                kept.append(variant)
        self.left -= len(kept)
        outcome.variants = kept
        outcome.report.recorded = len(kept)
        return outcome


def run_to_end(
    engine: MutationEngine, plan: MutationPlan, record: Callable[[VariantRecord], object]
) -> MutationReport:
    """Run a plan, record every variant as it is accepted, and return the figures."""
    started = time.monotonic()
    report = MutationReport()
    for outcome in engine.run(plan, engine.targets(plan)):
        for variant in outcome.variants:
            record(variant)
        report.add(outcome.report)
    report.wall_s = time.monotonic() - started
    return report


def _construction_figures(result: MutationResult) -> MutationReport:
    tally = result.tally
    report = MutationReport(
        targets=1,
        retrieved=tally.retrieved,
        attempted=tally.attempted,
        constructed=len(result.mutants),
        core_seconds=result.usage.cpu_s or 0.0,
    )
    report.dropped.update({reason: n for reason, n in tally.dropped.items() if n})
    return report


def _count(report: MutationReport, verdict: Verdict) -> None:
    report.core_seconds += verdict.usage.cpu_s or 0.0
    if isinstance(verdict, Accepted):
        report.accepted += 1
    elif isinstance(verdict, Rejected):
        report.rejected[verdict.reason.value] += 1
    else:
        report.undecided[verdict.reason.value] += 1


def _record(
    target: str,
    mutant: Mutant,
    candidate: CheckRequest,
    verdict: Accepted,
    digest: str,
    construction_cpu_s: float,
) -> VariantRecord:
    cpu_s = (verdict.usage.cpu_s or 0.0) + construction_cpu_s
    context = candidate.context
    assert isinstance(context, LeanContext) and candidate.statement  # noqa: S101 - as it was made
    return VariantRecord(
        name=variant_name(target, mutant),
        statement=candidate.statement,
        proof=mutant.proof,
        rule=mutant.rule,
        lemma=mutant.lemma,
        direction=mutant.direction,
        position=mutant.position,
        hypothesis=mutant.hypothesis,
        parents=(target, mutant.lemma),
        imports=context.imports or (),
        toolchain_digest=digest,
        verdict_hash=verdict.hash,
        term_hash=mutant.term_hash,
        usage=verdict.usage.model_copy(update={"cpu_s": cpu_s}),
    )
