"""The API on a real socket in this process, with the in-process worker and a given prover."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fake_checker import FakeChecker
from service_process import free_port, until

from aludel.api.app import create_app
from aludel.api.lemma_searches import OpenLibrary
from aludel.audits import Auditor
from aludel.goals import Goals
from aludel.protocols import Tracer
from aludel.provers import AnyProver
from aludel.settings import Settings
from aludel.store import Store
from aludel.task_names import LEAN_QUEUES
from aludel.workers.local import LocalQueue, LocalWorker
from aludel.workers.runtime import Parts, Runtime


@dataclass(frozen=True)
class LiveApi:
    url: str
    store: Store
    folder: Path


@contextlib.contextmanager
def live_api(
    settings: Settings,
    checker: Callable[[Settings], AnyProver] = lambda _: FakeChecker(),
    goals: Callable[[AnyProver, Settings], Goals] | None = None,
    queues: Sequence[str] = LEAN_QUEUES,
    tracer: Callable[[AnyProver], Tracer] | None = None,
    auditor: Callable[[AnyProver], Auditor] | None = None,
    library: Callable[[AnyProver], OpenLibrary] | None = None,
    **parts: Any,
) -> Iterator[LiveApi]:
    """Serve until the block ends; ``parts`` are further ones of the worker."""
    messages = LocalQueue()
    port = free_port()
    with Store.open(settings) as store:
        runtime = Runtime.open(settings, Parts(checker, goals=goals, **parts), messages)
        worker = LocalWorker(runtime, messages, queues)
        sessions = None if goals is None else goals(runtime.checker, settings)
        states = None if tracer is None else tracer(runtime.checker)
        audits = None if auditor is None else auditor(runtime.checker)
        lemmas = None if library is None else library(runtime.checker)
        app = create_app(settings, store, messages, sessions, states, audits, lemmas)
        config = uvicorn.Config(app, port=port, log_config=None, lifespan="off", access_log=False)
        config.timeout_graceful_shutdown = 1
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, name="live-api")
        worker.start()
        thread.start()
        try:
            until(lambda: server.started, "the API")
            yield LiveApi(f"http://127.0.0.1:{port}", store, settings.data_dir)
        finally:
            server.should_exit = True
            thread.join()
            worker.stop()
