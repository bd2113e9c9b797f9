"""Runs of attempts from start to end: what the command line and the workers call."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass

from aludel.attempts import AttemptOptions, AttemptPlan, AttemptRun, ProblemOutcome
from aludel.generators import GeneratorSpec
from aludel.goals import Goals
from aludel.models import Prover
from aludel.problems import (
    FStarDefinition,
    FStarHints,
    Posable,
    Problem,
    TheoremProblem,
    problems_digest,
)
from aludel.progress import Progress
from aludel.protocols import Checker
from aludel.provers import AnyProver, build_prover
from aludel.proving.attempting import Done, attempt_all, attempted
from aludel.proving.build import Generators, attempt_with, open_generators, plan_of
from aludel.proving.fstar import Poser, definition_of
from aludel.proving.premises import Library
from aludel.proving.stopping import Guard, GuardedChecker, GuardedGoals, unguarded
from aludel.settings import Settings
from aludel.store import CachedChecker, Store

KeyOf = Callable[[GeneratorSpec], str]
"""Returns the key of a generator's endpoint, empty if it needs none; refuses one it may not name"""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The means with which the problems of a run are attempted.

    Attributes:
        plan: everything that the run depends on.
        attempt: attempts one problem, and asks the guard between its steps; thread-safe.
    """

    plan: AttemptPlan
    attempt: Callable[[Posable, Guard], Done]


class Attempter:
    """Attempts problems with one prover.

    The generator of the last run stays open, for the next run may ask for an equal one: a local
    model is loaded once.

    Args:
        prover: whose problems are attempted.
        goals: sessions for searches; None for F*, which has none.
        library: where premises are retrieved; None for F*, whose problems bring theirs.
        known_options: of F*.
        key_of: called for every run, before its generator is opened.
    """

    def __init__(
        self,
        prover: Prover,
        goals: Goals | None = None,
        library: Library | None = None,
        known_options: Container[str] | None = None,
        key_of: KeyOf = lambda _: "",
    ) -> None:
        self._known_options = known_options
        self._prover = prover
        self._goals = goals
        self._library = library
        self._key_of = key_of
        self._lock = threading.Lock()
        self._opened = contextlib.ExitStack()
        self._spec: GeneratorSpec | None = None
        self._generators: Generators | None = None

    def prepare(
        self,
        spec: GeneratorSpec,
        options: AttemptOptions,
        problems: str,
        checker: Checker,
        hints: FStarHints | None = None,
    ) -> Prepared:
        """Open the generator, unless it is open.

        Args:
            spec: what proposes.
            options: how problems are attempted.
            problems: digest of the run's problems.
            checker: judges, and records every verdict.
            hints: what definitions of F* are posed with.

        Raises:
            InvalidRequest: ``spec`` names a model that is not there or not permitted, or an example
                is not in PoPAI's format.
            ToolchainMissing: the libraries for local models are not installed.
            BackendUnavailable: the machine failed.
        """
        generators = self._open(spec)
        plan = plan_of(generators, options, checker.toolchain.digest, problems)
        posed = self._poser(hints or FStarHints(), options.premises)

        def attempt(problem: Posable, guard: Guard) -> Done:
            guarded = GuardedChecker(checker, guard)
            goals = None if self._goals is None else GuardedGoals(self._goals, guard)
            how = attempt_with(generators, options, guarded, goals, self._library)
            return attempted(problem, lambda one: how(_asked(posed(one), options)))

        return Prepared(plan, attempt)

    def _poser(self, hints: FStarHints, premises: int) -> Callable[[Posable], Problem]:
        solved = [definition_of(example) for example in hints.examples]
        poser = Poser(solved, hints.similar, premises, self._known_options)
        return lambda p: poser.pose(definition_of(p)) if isinstance(p, FStarDefinition) else p

    def close(self) -> None:
        """Close the generator, which ends what it is asked; safe to call twice.

        Another run opens its own again.
        """
        with self._lock:
            self._spec = self._generators = None
            self._opened.close()

    def _open(self, spec: GeneratorSpec) -> Generators:
        key = self._key_of(spec)
        with self._lock:
            if self._generators is None or self._spec != spec:
                self._spec = self._generators = None
                self._opened.close()  # before another one needs the memory
                opened = open_generators(spec, key=key, prover=self._prover)
                self._generators = self._opened.enter_context(opened)
                self._spec = spec
            return self._generators


def _asked(problem: Problem, options: AttemptOptions) -> Problem:
    """A theorem of the library, without itself to prove it by, unless that is wanted."""
    if options.allow_self or not isinstance(problem, TheoremProblem):
        return problem
    return problem.without_itself()


def attempter_of(prover: AnyProver, settings: Settings, key_of: KeyOf) -> Attempter:
    """Return what attempts problems with a prover."""
    if prover.toolchain.prover is Prover.FSTAR:
        return Attempter(Prover.FSTAR, known_options=prover.known_options, key_of=key_of)
    library = Library(prover.operations, settings.premises_dir)
    return Attempter(Prover.LEAN, prover.goals(), library, key_of=key_of)


class BegunRun:
    """A run whose plan is recorded; every problem of it is attempted and recorded once.

    Args:
        name: the run's; an equal plan under the same name goes on.
        prepared: what its problems are attempted with.
        total: number of its problems.
        store: where it is recorded.
        owner: the API key that begins it; by default the operator.

    Raises:
        Conflict: ``name`` is a run with another plan, or of another key.
        StoreError: the database cannot be used.
    """

    def __init__(
        self, name: str, prepared: Prepared, total: int, store: Store, owner: str | None = None
    ) -> None:
        self._name = name
        self._attempt = prepared.attempt
        self._attempts = store.attempts
        self._attempts.start(name, prepared.plan, total, owner)

    def done(self) -> frozenset[str]:
        """Return the names of the problems that the run is done with."""
        return frozenset(outcome.problem for outcome in self._attempts.outcomes(self._name))

    def attempt(self, problem: Posable, guard: Guard) -> ProblemOutcome:
        """Return what became of a problem: what is recorded of it, or else attempt it now.

        Raises:
            InvalidRequest: something else than the statement and its context is wrong.
            BackendUnavailable: prover or generator failed, or the guard ended it.
            StoreError: the database cannot be used.
        """
        if known := self._attempts.outcomes(self._name, [problem.name]):
            return known[0]
        return self._record(self._attempt(problem, guard))

    def attempt_all(
        self, problems: Sequence[Problem], concurrency: int, progress: Progress
    ) -> None:
        """Attempt the problems that the run is not done with, several at once.

        Raises:
            BackendUnavailable: prover or generator failed; another run of this name goes on.
        """
        done, proved = self.done(), 0
        progress.step("attempting, problems", len(problems), len(done))
        found = attempt_all(problems, lambda p: self._attempt(p, unguarded), done, concurrency)
        for one in found:
            proved += self._record(one).accepted > 0
            progress.advance(1, f"{proved} proved now")

    def _record(self, done: Done) -> ProblemOutcome:
        outcome, attempts = done
        if self._attempts.record(self._name, outcome, attempts):
            return outcome
        return self._attempts.outcomes(self._name, [outcome.problem])[0]  # of who was faster


@dataclass(frozen=True, slots=True)
class AttemptRunner:
    """Carries out runs of attempts in this process, and records them in one store.

    Attributes:
        checker: judges.
        attempter: attempts problems of the checker's prover.
        progress: told how far a run is.
    """

    checker: AnyProver
    attempter: Attempter
    store: Store
    progress: Progress

    def run(
        self,
        name: str,
        problems: Sequence[Problem],
        spec: GeneratorSpec,
        options: AttemptOptions,
        concurrency: int | None = None,
    ) -> AttemptRun:
        """Attempt the problems that the run ``name`` is not done with.

        Args:
            name: the run's; an equal plan under the same name goes on.
            problems: of this runner's prover.
            spec: what proposes.
            options: how.
            concurrency: problems under way at once, where that is not the number of provers.

        Raises:
            InvalidRequest: there are no problems, two of one name, or no such model.
            Conflict: ``name`` is a run with another plan.
            BackendUnavailable: prover or generator failed; the same call goes on.
        """
        cached = CachedChecker(self.checker, self.store, self.checker.caught)
        prepared = self.attempter.prepare(spec, options, problems_digest(problems), cached)
        begun = BegunRun(name, prepared, len(problems), self.store)
        if len(begun.done()) < len(problems):
            self.progress.step("starting the prover")
            self.checker.warm_up()
        begun.attempt_all(problems, concurrency or self.checker.size, self.progress)
        return self.store.attempts.run(name)


@contextlib.contextmanager
def open_runner(
    settings: Settings, progress: Progress, prover: Prover = Prover.LEAN, key: str = ""
) -> Iterator[AttemptRunner]:
    """Open prover and store; ``key`` is that of the endpoint, if a generator wants one.

    Raises:
        ToolchainMissing: the prover is not installed.
        StoreError: the database cannot be used.
    """
    with contextlib.ExitStack() as stack:
        checker = stack.enter_context(contextlib.closing(build_prover(settings, prover)))
        attempter = attempter_of(checker, settings, lambda _: key)
        stack.enter_context(contextlib.closing(attempter))
        store = stack.enter_context(Store.open(settings))
        yield AttemptRunner(checker, attempter, store, progress)
