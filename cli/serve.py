"""``aludel serve``: the HTTP API, with a worker in the same process unless a broker is set."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping

import click
import uvicorn

from aludel.api.app import create_app
from aludel.api.lemma_searches import OpenLibrary
from aludel.audits import Auditor
from aludel.errors import AbilityMissing, BackendUnavailable, InvalidRequest, ToolchainMissing
from aludel.goals import Goals
from aludel.logs import configure_logging, warn_of_unknown_variables
from aludel.projects import ProjectGoals, named_projects
from aludel.protocols import Tracer
from aludel.proving.lemmas import library_opener
from aludel.queue import CeleryQueue, TaskQueue, broker_app
from aludel.settings import MEMORY_BROKER, Settings, load_settings
from aludel.store import Store
from aludel.task_names import FSTAR_QUEUES, project_queue
from aludel.workers.runtime import GoalsFactory, Parts, Runtime

_GRACE_S = 5
_BACKLOG = 2_048


@click.command(name="serve")
@click.option("--host", default=None, help="Address to listen on. [ALUDEL_HOST, 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="Port; 0 takes a free one. [ALUDEL_PORT, 8321]"
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="Prover processes. [ALUDEL_POOL_SIZE, one per CPU]",
)
def command(host: str | None, port: int | None, workers: int | None) -> None:
    """Serve the HTTP API.

    Checks run in this process, or, when ALUDEL_BROKER_URL names a broker, in `aludel worker`.
    """
    from aludel.workers.app import fstar_parts, lean_parts

    given = {"ALUDEL_HOST": host, "ALUDEL_PORT": port, "ALUDEL_POOL_SIZE": workers}
    chosen = {name: str(value) for name, value in given.items() if value is not None}
    run(load_settings({**os.environ, **chosen}), lean_parts, fstar_parts)


def run(
    settings: Settings, parts: Callable[[], Parts], fstar: Callable[[], Parts] | None = None
) -> None:
    """Serve until told to stop by SIGINT or SIGTERM.

    ``fstar`` serves F* checks and attempts as well, where an F* is found.

    Raises:
        InvalidRequest: the host or the database URL is wrong.
        BackendUnavailable: the port is taken.
        StoreError: the database cannot be used.
        ToolchainMissing: the prover is not installed.
    """
    configure_logging()
    warn_of_unknown_variables()
    with (
        _stoppable(),
        contextlib.closing(_listen(settings.host, settings.port)) as listener,
        Store.open(settings) as store,
        _worker(settings, parts, fstar) as (queue, goals, tracer, auditor, library),
    ):
        click.echo(f"Aludel listens on {_url(listener)} (Ctrl-C ends it)", err=True)
        config = uvicorn.Config(
            create_app(settings, store, queue, goals, tracer, auditor, library),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
        uvicorn.Server(config).run(sockets=[listener])


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """End the block quietly on SIGINT and SIGTERM, whatever it is doing."""

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _worker(
    settings: Settings, parts: Callable[[], Parts], fstar: Callable[[], Parts] | None
) -> Iterator[tuple[TaskQueue, Goals | None, Tracer | None, Auditor | None, OpenLibrary | None]]:
    """Run a worker in this process if no broker is set.

    Yields the way to the workers, and, if the prover is in this process, sessions of tactics, what
    extracts tactic states, what audits statements and what opens libraries of lemmas.
    """
    if settings.broker_url != MEMORY_BROKER:
        yield CeleryQueue(broker_app(settings)), None, None, None, None
        return
    from aludel.workers.local import LocalQueue, LocalWorker

    named = named_projects(settings)
    messages = LocalQueue(named)
    made = parts()
    main = Runtime.open(settings, made, messages)
    main.store.toolchains.keep_projects(named)  # without a broker, nobody else serves any
    workers, sessions = [LocalWorker(main, messages)], {"": main}
    for name, of in named.items():
        sessions[name] = Runtime.open(of, made.for_project(), messages)
        workers.append(LocalWorker(sessions[name], messages, (project_queue(name),)))
    goals = _sessions(made, sessions)
    tracer = None if made.goals is None else _tracer(main)  # all four are Lean's
    auditor = None if made.goals is None else _auditor(main)
    library = None if made.goals is None else _library(main)
    try:
        if fstar is not None:
            runtime = Runtime.open(settings, fstar(), messages)
            workers.append(LocalWorker(runtime, messages, FSTAR_QUEUES))
    except ToolchainMissing as error:
        click.echo(f"F* checks and attempts are refused: {error.message}", err=True)
    for worker in workers:
        worker.start()
    try:
        yield messages, goals, tracer, auditor, library
    finally:
        for worker in workers:
            worker.stop()


def _sessions(parts: Parts, runtimes: Mapping[str, Runtime]) -> Goals | None:
    """Sessions of tactics in the prover of this process, or in one of its projects' provers."""
    if parts.goals is None:
        return None
    made = {name: _goals(parts.goals, each) for name, each in runtimes.items()}
    main = made[""]
    return ProjectGoals(made) if len(made) > 1 or isinstance(main, AbilityMissing) else main


def _goals(factory: GoalsFactory, runtime: Runtime) -> Goals | AbilityMissing:
    """Sessions in the prover of a runtime; a Lean that is judged by exports has none."""
    try:
        return factory(runtime.checker, runtime.settings)
    except AbilityMissing as error:
        return error


def _tracer(runtime: Runtime) -> Tracer | None:
    try:
        return runtime.checker.states
    except AbilityMissing:
        return None


def _auditor(runtime: Runtime) -> Auditor | None:
    from aludel.auditing import LeanAuditor

    try:
        return LeanAuditor(runtime.checker.operations, runtime.checker.size)
    except AbilityMissing:
        return None


def _library(runtime: Runtime) -> OpenLibrary | None:
    try:
        return library_opener(runtime.checker)
    except AbilityMissing:
        return None


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise InvalidRequest(
            f"{host!r} is not an address", field="host", fix="use 127.0.0.1, or 0.0.0.0 for all"
        ) from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _cannot_listen(error, host, port) from error
    return listener


def _cannot_listen(error: OSError, host: str, port: int) -> Exception:
    if error.errno == errno.EADDRINUSE:
        return BackendUnavailable(
            f"port {port} is in use", field="port", fix="end the other program, or choose --port"
        )
    if error.errno == errno.EACCES:
        return BackendUnavailable(
            f"port {port} needs privileges", field="port", fix="choose one above 1023"
        )
    return InvalidRequest(
        f"{host} is not an address of this machine: {error.strerror}",
        field="host",
        fix="use 127.0.0.1, or 0.0.0.0 for all",
    )
