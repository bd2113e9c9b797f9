"""Prove jobs: problems are taken up under lease, attempted, and recorded once with their run."""

from __future__ import annotations

import os
from collections.abc import Mapping

from aludel.attempts import ProblemOutcome
from aludel.errors import BackendUnavailable, StoreError
from aludel.job_requests import AttemptRequest
from aludel.jobs import JobKind
from aludel.metrics import FAILURES, PROBLEMS
from aludel.models import MAX_WALL_S, Prover
from aludel.permitted import key_of
from aludel.problems import FStarDefinition, TheoremProblem
from aludel.provers import AnyProver
from aludel.proving.run import Attempter, BegunRun, Prepared, attempter_of
from aludel.proving.stopping import guard_of
from aludel.queue import dispatch
from aludel.settings import Settings
from aludel.store import Claim
from aludel.workers.leasing import Taking, Turn, conclude
from aludel.workers.runtime import Runtime

# A turn and one problem together end before Celery's limit, which ends the process.
TURN_S = 60.0
PROBLEM_S = 1.5 * MAX_WALL_S
_PROBLEMS: Mapping[Prover, type[TheoremProblem | FStarDefinition]] = {
    Prover.LEAN: TheoremProblem,
    Prover.FSTAR: FStarDefinition,
}


def run_attempts(runtime: Runtime, job_id: str) -> None:  # noqa: ARG001 - see below
    """Attempt problems for this worker's prover, of the first prove job in the line, for a turn.

    Safe to run twice.

    Args:
        runtime: the worker.
        job_id: the job that the message was sent for; another one may be before it in the line.

    Raises:
        StoreError: the database cannot be used; leases will run out and items be queued again.
    """
    prover = runtime.checker.toolchain.prover
    chosen = runtime.store.items.next_job(JobKind.PROVE, prover)
    if chosen is None:
        return
    _Attempts(runtime, chosen).run()
    following = runtime.store.items.next_job(JobKind.PROVE, prover)
    if following is not None and not runtime.stopping.is_set():
        dispatch(runtime.queue, runtime.store, following, JobKind.PROVE, waiting=1, prover=prover)


class _Attempts:
    """A turn of one prove job."""

    def __init__(self, runtime: Runtime, job_id: str) -> None:
        self._runtime = runtime
        self._job = runtime.store.jobs.get(job_id)
        self._prover = runtime.checker.toolchain.prover
        self._run = self._begin()
        taking = Taking(TURN_S, 1, self._prover)
        self._turn = Turn(runtime, job_id, taking, self._carry_out)

    def run(self) -> None:
        self._turn.run()

    def _begin(self) -> BegunRun | Exception:
        """Open the generator and the run; what is wrong with them is wrong with each problem."""
        runtime, store = self._runtime, self._runtime.store
        request = AttemptRequest.model_validate(self._job.request)
        try:
            prepared = _prepared(runtime, request)
            owner = store.jobs.owner(self._job.id)
            return BegunRun(request.run, prepared, self._job.total, store, owner)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a model does, the items must end
            return error

    def _carry_out(self, claim: Claim) -> None:
        try:
            outcome = self._outcome(_PROBLEMS[self._prover].model_validate(claim.payload))
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a prover does, the item must end
            FAILURES.labels(self._prover.value, getattr(error, "code", "internal_error")).inc()
            stopped = BackendUnavailable("the worker was told to stop")
            # Models that are closed while they answer fail in ways of their own.
            conclude(self._runtime, claim, stopped if self._runtime.stopping.is_set() else error)
        else:
            PROBLEMS.labels("proved" if outcome.accepted else "open").inc()
            self._runtime.store.items.finish_problem(claim, proved=outcome.accepted > 0)

    def _outcome(self, problem: TheoremProblem | FStarDefinition) -> ProblemOutcome:
        if isinstance(self._run, Exception):
            raise self._run
        return self._run.attempt(problem, guard_of(self._told_to_end, PROBLEM_S))

    def _told_to_end(self) -> bool:
        return self._runtime.stopping.is_set() or self._turn.keeper.lost.is_set()


def permitted_attempter(prover: AnyProver, settings: Settings) -> Attempter:
    """Return what attempts problems with the worker's prover, and permitted generators only."""
    return attempter_of(prover, settings, lambda spec: key_of(spec, settings, os.environ))


def _prepared(runtime: Runtime, request: AttemptRequest) -> Prepared:
    if runtime.attempter is None:
        raise BackendUnavailable("this worker attempts no problems", fix="start one that does")
    return runtime.attempter.prepare(
        request.generator,
        request.options,
        request.problems_digest,
        runtime.cached,
        request.fstar,
    )
