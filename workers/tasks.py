"""The tasks by name. Celery and the in-process dispatcher run the same ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aludel.task_names import RUN_ATTEMPTS, RUN_CHECKS, RUN_EXPORT, RUN_MUTATION, SWEEP
from aludel.workers.attempts import run_attempts
from aludel.workers.checks import run_checks
from aludel.workers.exports import run_export
from aludel.workers.housekeeping import sweep
from aludel.workers.mutations import run_mutation
from aludel.workers.runtime import Runtime


def run_sweep(runtime: Runtime) -> None:
    """Sweep once, now."""
    sweep(runtime)


TASKS: Mapping[str, Callable[..., None]] = {
    RUN_CHECKS: run_checks,
    RUN_MUTATION: run_mutation,
    RUN_ATTEMPTS: run_attempts,
    RUN_EXPORT: run_export,
    SWEEP: run_sweep,
}
