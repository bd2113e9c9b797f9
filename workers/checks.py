"""Check jobs: items are taken up under lease, judged, and finished one by one."""

from __future__ import annotations

from aludel.errors import InvalidRequest, StoreError
from aludel.jobs import JobKind
from aludel.metrics import FAILURES, count_verdict
from aludel.models import CheckRequest, Verdict
from aludel.projects import ensure_own, project_of, route
from aludel.protocols import Checker
from aludel.queue import dispatch
from aludel.store import Claim
from aludel.workers.leasing import Taking, Turn, conclude
from aludel.workers.runtime import Runtime

# After its turn a job goes to the end of the queue, so that a large one does not block small ones.
TURN_S = 2.0


def run_checks(runtime: Runtime, job_id: str, project: str = "") -> None:  # noqa: ARG001 - see below
    """Carry out items that this worker's prover decides, of the first job in the line, for a turn.

    Safe to run twice, also at the same time.

    Args:
        runtime: the worker.
        job_id: the job that the message was sent for; another one may be before it in the line.
        project: whose worker it was sent to; the runtime is that project's.

    Raises:
        StoreError: the database cannot be used; leases will run out and items be queued again.
    """
    prover = runtime.checker.toolchain.prover
    own = runtime.project
    toolchain = route(own) if own else runtime.checker.toolchain.name
    chosen = runtime.store.items.next_job(JobKind.CHECK, prover, toolchain)
    if chosen is None:
        return
    checker = runtime.cached.batch()
    taking = Taking(TURN_S, 2 * runtime.threads, prover, toolchain)
    Turn(runtime, chosen, taking, lambda claim: _carry_out(runtime, checker, claim)).run()
    # As long as anything waits, every message begets another one.
    following = runtime.store.items.next_job(JobKind.CHECK, prover, toolchain)
    if following is not None and not runtime.stopping.is_set():
        queue, store = runtime.queue, runtime.store
        dispatch(queue, store, following, JobKind.CHECK, waiting=1, prover=prover, project=own)


def _carry_out(runtime: Runtime, checker: Checker, claim: Claim) -> None:
    prover = checker.toolchain.prover.value
    try:
        verdict = _judge(runtime, checker, CheckRequest.model_validate(claim.payload))
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a prover does, the item must end
        FAILURES.labels(prover, getattr(error, "code", "internal_error")).inc()
        conclude(runtime, claim, error)
    else:
        count_verdict(prover, verdict)
        runtime.store.items.finish(claim, verdict)


def _judge(runtime: Runtime, checker: Checker, request: CheckRequest) -> Verdict:
    if project_of(request):
        ensure_own(request, runtime.project, runtime.store.toolchains.served()[1])
    toolchain = checker.toolchain
    if request.toolchain not in (None, toolchain.name):
        raise InvalidRequest(
            f"this worker has the toolchain {toolchain.name}, not {request.toolchain}",
            field="toolchain",
            fix="name one that GET /v1/toolchains lists",
        )
    return checker.check(request)
