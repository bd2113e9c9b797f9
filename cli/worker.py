"""``aludel worker``: run jobs that a broker hands out."""

from __future__ import annotations

import click

from aludel.cli.options import listed
from aludel.errors import InvalidRequest
from aludel.logs import configure_logging, warn_of_unknown_variables
from aludel.projects import named_projects
from aludel.queue import broker_app, ensure_broker
from aludel.settings import MEMORY_BROKER, Settings, load_settings
from aludel.store import Store
from aludel.task_names import FSTAR_QUEUES, LEAN_QUEUES, project_queue
from aludel.workers.app import projects_of_queues, run_worker
from aludel.workers.runtime import Parts

ALL_QUEUES = (*LEAN_QUEUES, *FSTAR_QUEUES)


@click.command(name="worker")
@click.option(
    "--queues",
    help="Queues to serve, separated by commas; by default those of Lean, and lean.check.NAME for "
    "each project of ALUDEL_PROJECTS.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes, each with ALUDEL_POOL_SIZE provers of its own.",
)
def command(queues: str | None, concurrency: int) -> int:
    """Run jobs that the broker at ALUDEL_BROKER_URL hands out."""
    from aludel.workers.app import fstar_parts, lean_parts

    fstar = any(name in (queues or "") for name in FSTAR_QUEUES)
    parts = fstar_parts() if fstar else lean_parts()
    return run(load_settings(), parts, queues, concurrency)


def run(settings: Settings, parts: Parts, queues: str | None = None, processes: int = 1) -> int:
    """Make sure that everything a worker needs is there, and run it.

    Raises:
        InvalidRequest: a queue does not exist, or the broker is one of a single process.
        BackendUnavailable: the broker does not answer.
        StoreError: the database cannot be used.
        ToolchainMissing: the prover is not installed.
    """
    named = named_projects(settings)
    of_projects = tuple(project_queue(name) for name in named)
    chosen = [*LEAN_QUEUES, *of_projects] if queues is None else _chosen(queues, of_projects)
    if settings.broker_url == MEMORY_BROKER:
        raise InvalidRequest(
            "a worker of its own needs a broker between the processes",
            field="ALUDEL_BROKER_URL",
            fix="set it to redis://HOST:PORT, or run `aludel serve`, which has a worker in it",
        )
    configure_logging()
    warn_of_unknown_variables()
    ensure_broker(broker_app(settings))
    # Closed again before the fork: neither connections nor provers survive one.
    Store.open(settings).close()
    for project in projects_of_queues(chosen):
        parts.checker(named[project] if project else settings).close()
    return run_worker(settings, parts, queues=chosen, concurrency=processes)


def _chosen(queues: str, of_projects: tuple[str, ...]) -> list[str]:
    chosen = list(listed(queues))
    known = (*ALL_QUEUES, *of_projects)
    if not chosen or set(chosen) - set(known):
        raise InvalidRequest(
            f"no such queue: {queues!r}", field="--queues", fix="use " + " or ".join(known)
        )
    of_fstar = set(chosen) & set(FSTAR_QUEUES)
    if of_fstar and of_fstar != set(chosen):
        raise InvalidRequest(
            f"{min(of_fstar)} is served by workers of its own",
            field="--queues",
            fix="start one worker for it and another one for the rest",
        )
    return chosen
