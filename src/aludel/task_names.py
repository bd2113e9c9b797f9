"""Celery task and queue names, so that the API can send work without importing a prover."""

RUN_CHECKS = "aludel.run_checks"
RUN_MUTATION = "aludel.run_mutation"
RUN_ATTEMPTS = "aludel.run_attempts"
RUN_EXPORT = "aludel.run_export"
SWEEP = "aludel.sweep"

CHECK_QUEUE = "lean.check"
FSTAR_QUEUE = "fstar.check"
FSTAR_PROVE_QUEUE = "fstar.prove"
MUTATE_QUEUE = "lean.mutate"
PROVE_QUEUE = "lean.prove"
EXPORT_QUEUE = "export"
# What a worker with a Lean prover serves by default; F* has workers of its own.
FSTAR_QUEUES = (FSTAR_QUEUE, FSTAR_PROVE_QUEUE)
LEAN_QUEUES = (CHECK_QUEUE, MUTATE_QUEUE, PROVE_QUEUE, EXPORT_QUEUE)


def project_queue(project: str) -> str:
    """Return the queue of the checks of a named project."""
    return f"{CHECK_QUEUE}.{project}"


def project_of_queue(queue: str) -> str | None:
    """Return the named project whose checks a queue holds; None for every other queue."""
    head, dot, project = queue.partition(f"{CHECK_QUEUE}.")
    return project if dot and not head else None
