"""The mutation engine: choose targets, rewrite them, judge every statement, start the next round.

Follows Alchemy (ICLR 2025), Algorithms 1 to 3, on terms instead of text.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from aludel.errors import InvalidRequest
from aludel.lean_checker.avoided import read_avoided
from aludel.lean_checker.operations import MutantSource, MutationResult, MutationTask
from aludel.lean_checker.process import ProcessDied
from aludel.mutation.judging import TARGET_WALL_S, Judge, shape_of
from aludel.mutation.outcome import TargetOutcome
from aludel.mutation.plan import MutationPlan
from aludel.mutation.report import MutationReport
from aludel.mutation.targets import Target, first_targets, next_targets
from aludel.protocols import Checker, Exhausted
from aludel.records import VariantRecord
from aludel.tenants import for_same_tenant


@dataclass
class RoundProgress:
    """The progress of a run.

    Attributes:
        number: the round, from 1.
        targets: theorems of the round; not all are rewritten when its limit is reached before.
        done: theorems finished.
        accepted: variants accepted in the round; ``limit`` ends it.
    """

    number: int
    targets: int
    limit: int
    done: int = 0
    accepted: int = 0


@dataclass
class MutationEngine:
    """Rewrites and judges; safe to use from one thread, works on several.

    Attributes:
        source: theorems and mutants.
        checker: judges every variant.
        workers: targets in flight at once; 0 means one per CPU.
        stopping: polled between targets; a true answer ends the run early.
        progress: told after every target.
    """

    source: MutantSource
    checker: Checker
    workers: int = 0
    stopping: Callable[[], bool] = lambda: False
    progress: Callable[[RoundProgress], None] = lambda _: None

    def run(
        self, plan: MutationPlan, done: Iterable[TargetOutcome] = ()
    ) -> Iterator[TargetOutcome]:
        """Carry out ``plan`` and yield the outcomes of its targets in order.

        The order of outcomes does not depend on how many targets are worked on at once.

        Args:
            plan: what to do.
            done: outcomes of an earlier part of the same run, in order; they are not yielded again.

        Raises:
            InvalidRequest: a pattern, lemma or import of the plan does not exist, or its statement
                is not proved, or rests on more than the imports.
            BackendUnavailable: the machine failed.
        """
        history = History(plan)
        for outcome in done:
            history.take(outcome)
        avoided = read_avoided(self.source, plan.imports, plan.avoid)
        judge = Judge(self.source, self.checker, plan, avoided)
        targets = first_targets(self.source, self.checker, plan)
        for number in range(1, plan.rounds + 1):
            yield from self._round(judge, number, targets, history)
            if self.stopping() or number == plan.rounds:
                return
            targets = next_targets(plan, history.accepted(number))

    def _round(
        self, judge: Judge, number: int, targets: list[Target], history: History
    ) -> Iterator[TargetOutcome]:
        state = RoundProgress(number, len(targets), judge.plan.limit)
        state.done = sum(history.is_done(number, target.name) for target in targets)
        workers = self.workers or os.cpu_count() or 1
        remaining = (target for target in targets if not history.is_done(number, target.name))
        mutated = for_same_tenant(self._target)
        with ThreadPoolExecutor(workers) as threads:
            waiting: deque[Future[TargetOutcome]] = deque()
            try:
                while history.left(number) and not self.stopping():
                    state.accepted = judge.plan.limit - history.left(number)
                    self.progress(state)
                    while len(waiting) <= workers and (target := next(remaining, None)) is not None:
                        waiting.append(threads.submit(mutated, judge, number, target))
                    if not waiting:
                        return
                    yield history.take(waiting.popleft().result())
                    state.done += 1
            finally:
                for future in waiting:
                    future.cancel()

    def _target(self, judge: Judge, number: int, target: Target) -> TargetOutcome:
        started = time.thread_time()
        plan = judge.plan
        task = MutationTask(
            target=target.name,
            imports=plan.imports,
            lemmas=plan.lemmas,
            limit=plan.per_target,
            max_attempts=plan.max_attempts,
            seed=plan.seed,
            wall_s=TARGET_WALL_S,
            preamble=target.preamble,
            rules=plan.rules,
            conditional=plan.conditional,
        )
        result = self._mutants(task)
        if isinstance(result, MutationReport):
            outcome = TargetOutcome(
                target=target.name, round=number, namespace=target.namespace, report=result
            )
        else:
            outcome = judge.judge(target, number, task, result)
        outcome.report.costs.driver_s += time.thread_time() - started
        return outcome

    def _mutants(self, task: MutationTask) -> MutationResult | MutationReport:
        """Rewrite one theorem; figures of a failure when it takes more than the prover has."""
        report = MutationReport()
        for _ in range(2):
            try:
                result = self.source.mutate(task)
            except InvalidRequest as error:
                if task.preamble and error.field == "target":
                    error.field = "statement"  # the user's own text, whose theorem is the target
                raise
            except ProcessDied as death:
                if death.defective:
                    raise
                report.costs.construction_s += death.usage.cpu_s or 0.0
                continue
            if not isinstance(result, Exhausted):
                return result
            report.failed[result.limit] += 1
            report.costs.construction_s += result.usage.cpu_s or 0.0
            return report
        # Two processes died of the same theorem, so it is the theorem.
        report.failed["memory"] += 1
        return report


@dataclass
class History:
    """The variants of a run so far: drops repeats, and cuts rounds at their limit."""

    plan: MutationPlan
    _shapes: set[str] = field(default_factory=set)
    _done: set[tuple[int, str]] = field(default_factory=set)
    _counts: dict[int, int] = field(default_factory=dict)
    _pools: dict[int, list[tuple[VariantRecord, str]]] = field(default_factory=dict)

    def left(self, number: int) -> int:
        """Return how many variants a round may still accept."""
        return self.plan.limit - self._counts.get(number, 0)

    def is_done(self, number: int, target: str) -> bool:
        """Whether a target of a round is finished."""
        return (number, target) in self._done

    def accepted(self, number: int) -> list[tuple[VariantRecord, str]]:
        """Return the variants of a round that can become targets, each with its namespace."""
        return self._pools.pop(number, [])

    def take(self, outcome: TargetOutcome) -> TargetOutcome:
        """Return ``outcome`` without variants that were taken before, at most the round's rest."""
        self._done.add((outcome.round, outcome.target))
        kept = [variant for variant in outcome.variants if self._keep(variant, outcome)]
        outcome.variants = kept
        report = outcome.report
        for figures in report.rules.values():
            figures.accepted = 0
        for variant in kept:
            report.of(variant.rule).accepted += 1
        if kept:
            report.accepted_in[outcome.namespace] = len(kept)
        if outcome.round < self.plan.rounds:
            pool = self._pools.setdefault(outcome.round, [])
            pool.extend((variant, outcome.namespace) for variant in kept)
        return outcome

    def _keep(self, variant: VariantRecord, outcome: TargetOutcome) -> bool:
        figures = outcome.report.of(variant.rule)
        shape = shape_of(variant)
        if shape in self._shapes and "duplicate" in self.plan.filters:
            figures.filtered["duplicate"] += 1
            return False
        if not self.left(outcome.round):
            figures.over_limit += 1
            return False
        self._shapes.add(shape)
        self._counts[outcome.round] = self._counts.get(outcome.round, 0) + 1
        return True
