"""The feed of attempts: every candidate that a generator proposed, with what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from aludel.attempts import AttemptPlan, AttemptRecord
from aludel.models import LeanContext
from aludel.proof_export.feeds import Feed
from aludel.store import Store


@dataclass(frozen=True, slots=True)
class RunAttempt:
    """An attempt, and the run it belongs to."""

    run: str
    plan: AttemptPlan
    attempt: AttemptRecord


@dataclass(frozen=True, slots=True)
class TriedProblem:
    """A problem of a run with all attempts on it, of which there is one at least."""

    attempts: tuple[RunAttempt, ...]

    @property
    def run(self) -> str:
        """Name of the run."""
        return self.attempts[0].run

    @property
    def problem(self) -> str:
        """Name of the problem."""
        return self.attempts[0].attempt.problem


@dataclass(frozen=True, slots=True)
class ProblemTheorem:
    """The theorem that an attempt is about; its lineage is that of the variant it is equal to."""

    name: str
    statement: str
    imports: tuple[str, ...]
    parents: tuple[str, ...] = ()
    term_hash: str = ""
    shape_hash: str = ""


def attempts_of(store: Store, runs: Sequence[str]) -> Iterator[RunAttempt]:
    """Yield the recorded attempts of runs, by run, problem and position.

    Raises:
        NotFound: there is no run of a name.
        StoreError: the database cannot be read.
    """
    for run in dict.fromkeys(runs):
        plan = store.attempts.run(run).plan
        for attempt in store.attempts.iterate(run):
            yield RunAttempt(run, plan, attempt)


def by_problem(attempts: Iterable[RunAttempt]) -> Iterator[TriedProblem]:
    """Yield the problems of attempts, which come by run and problem."""
    for _, same in groupby(attempts, key=lambda one: (one.run, one.attempt.problem)):
        yield TriedProblem(tuple(same))


def _theorem(record: RunAttempt) -> ProblemTheorem:
    candidate = record.attempt.candidate
    lean = isinstance(candidate.context, LeanContext)
    imports = candidate.context.imports if isinstance(candidate.context, LeanContext) else None
    # Names of Lean and of F* are apart, whatever they are.
    name = record.attempt.problem if lean else f"F* {record.attempt.problem}"
    return ProblemTheorem(name, candidate.statement or "", imports or ())


def _identity(record: RunAttempt) -> str:
    attempt = record.attempt
    return f"{record.run}\n{attempt.problem}\n{attempt.position}\n{attempt.round}"


def _groups(record: RunAttempt) -> Iterator[tuple[str, str]]:
    verdict = record.attempt.verdict
    yield "run", record.run
    yield "generator", record.plan.generator
    yield "verdict", verdict.kind
    yield "reason", verdict.reason or "none"
    yield "toolchain_digest", record.plan.toolchain_digest


ATTEMPTS: Feed[RunAttempt] = Feed(
    name="attempts",
    noun="attempt",
    theorem=_theorem,
    groups=_groups,
    missing="run `aludel attempts run` first, and name the run with --attempts",
    identity=_identity,
)
"""Attempts on problems; each is in the split of its problem's theorem."""


def _tried_groups(record: TriedProblem) -> Iterator[tuple[str, str]]:
    first = record.attempts[0]
    yield "run", first.run
    yield "generator", first.plan.generator
    yield "toolchain_digest", first.plan.toolchain_digest


TRIED_PROBLEMS: Feed[TriedProblem] = Feed(
    name="tried problems",
    noun="problem with attempts",
    theorem=lambda record: _theorem(record.attempts[0]),
    groups=_tried_groups,
    missing=ATTEMPTS.missing,
    identity=lambda record: f"{record.run}\n{record.problem}",
    derived=ATTEMPTS,
)
"""Problems with all attempts of a run; the attempts of one are held at a time."""
