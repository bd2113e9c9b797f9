"""How a worker with a Lean prover attempts problems."""

from __future__ import annotations

import contextlib
import os
import threading

from aludel.generators import Endpoint, GeneratorSpec
from aludel.job_requests import ProveRequest
from aludel.permitted import endpoint_key, ensure_permitted
from aludel.problems import TheoremProblem
from aludel.protocols import Checker
from aludel.provers import AnyProver
from aludel.proving.attempting import attempted
from aludel.proving.build import Generators, attempt_with, open_generators, plan_of
from aludel.proving.premises import Library
from aludel.settings import Settings
from aludel.workers.guarding import Guard, GuardedChecker, GuardedGoals
from aludel.workers.proving import Attempted, Prepared


class LeanProving:
    """A :class:`~aludel.workers.proving.Proving` with Lean.

    The generator of the last job stays open, for the next one may ask for an equal one: a local
    model is loaded once.

    Args:
        prover: the worker's.
        settings: which models may be named, and where premises are kept.
    """

    def __init__(self, prover: AnyProver, settings: Settings) -> None:
        self._settings = settings
        self._goals = prover.goals()
        self._library = Library(prover.operations, settings.premises_dir)
        self._lock = threading.Lock()
        self._opened = contextlib.ExitStack()
        self._spec: GeneratorSpec | None = None
        self._generators: Generators | None = None

    def prepare(self, request: ProveRequest, checker: Checker) -> Prepared:
        """Open the generator, unless it is open; see :class:`~aludel.workers.proving.Proving`."""
        generators, options = self._open(request.generator), request.options
        digest = checker.toolchain.digest
        plan = plan_of(generators, options, digest, request.problems_digest)

        def attempt(problem: TheoremProblem, guard: Guard) -> Attempted:
            guarded = GuardedChecker(checker, guard)
            goals = GuardedGoals(self._goals, guard)
            how = attempt_with(generators, options, guarded, goals, self._library)
            return attempted(problem, how)

        return Prepared(plan, attempt)

    def close(self) -> None:
        """Close the generator, which ends what it is asked; safe to call twice."""
        with self._lock:
            self._spec = self._generators = None
            self._opened.close()

    def _open(self, spec: GeneratorSpec) -> Generators:
        ensure_permitted(spec, self._settings)
        key = ""
        if isinstance(spec, Endpoint):
            key = endpoint_key(spec, self._settings, os.environ)
        with self._lock:
            if self._generators is None or self._spec != spec:
                self._spec = self._generators = None
                self._opened.close()  # before another one needs the memory
                self._generators = self._opened.enter_context(open_generators(spec, key=key))
                self._spec = spec
            return self._generators


def lean_proving(prover: AnyProver, settings: Settings) -> LeanProving:
    """Return what attempts problems with a Lean; a ``ProvingFactory``.

    Raises:
        AbilityMissing: the prover is no Lean.
    """
    return LeanProving(prover, settings)
