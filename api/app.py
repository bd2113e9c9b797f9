"""The FastAPI application."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi

from aludel.api import (
    attempts,
    audits,
    checks,
    corpus,
    datasets,
    disproofs,
    events,
    jobs,
    kernel,
    kimina,
    metrics,
    nemo_gym,
    openrlhf,
    problem_details,
    system,
    web,
)
from aludel.api import goals as goal_routes
from aludel.api import lemmas as lemma_routes
from aludel.api.admission import Admission
from aludel.api.audit_runs import KeyedAudits
from aludel.api.auth import SUBMITTING
from aludel.api.gate import Gate
from aludel.api.kernel_runs import KernelRuns
from aludel.api.lemma_searches import KeyedLemmas, OpenLibrary
from aludel.api.middleware import BodyLimit, RequestLog
from aludel.api.service import Service
from aludel.api.sessions import KeyedGoals
from aludel.api.states import KeyedStates
from aludel.api.strays import refuse_stray_project
from aludel.audits import Auditor
from aludel.distribution import installed_version
from aludel.goals import Goals
from aludel.http_models import ProblemDetails
from aludel.protocols import Tracer
from aludel.queue import TaskQueue
from aludel.settings import Settings
from aludel.store import Store

MAX_BODY_BYTES = 32 * 2**20
_DESCRIPTION = (
    "Check, mutate and prove theorems; write datasets. Errors are problem details (RFC 9457)."
)


def create_app(
    settings: Settings,
    store: Store,
    queue: TaskQueue,
    goals: Goals | None = None,
    tracer: Tracer | None = None,
    auditor: Auditor | None = None,
    library: OpenLibrary | None = None,
) -> FastAPI:
    """Return the application.

    Args:
        settings: size limits.
        store: where jobs and results are; the caller closes it.
        queue: the way to the workers.
        goals: sessions of tactics, where this process has a prover.
        tracer: extracts tactic states, likewise.
        auditor: audits statements, likewise.
        library: opens what answers searches for lemmas, likewise.
    """
    # The pages that show the document would load scripts from other hosts.
    app = FastAPI(
        title="Aludel",
        version=installed_version(),
        docs_url=None,
        redoc_url=None,
        # Generators of clients name their functions after it.
        generate_unique_id_function=lambda route: route.name,
        dependencies=[Depends(refuse_stray_project)],
    )
    admission = Admission(settings, store)
    sessions = None if goals is None else KeyedGoals(goals, settings, store.keys.charge)
    states = None if tracer is None else KeyedStates(tracer, store, settings)
    audited = None if auditor is None else KeyedAudits(auditor, store, settings)
    kernel_runs = KernelRuns(settings)
    lemmas = None if library is None else KeyedLemmas(library, settings, store.keys.charge)
    app.state.service = Service(
        settings, store, queue, admission, kernel_runs, sessions, states, audited, lemmas
    )
    problem_details.install(app)
    app.include_router(goal_routes.router, dependencies=[SUBMITTING])
    app.include_router(lemma_routes.router)
    for module in (
        checks, audits, disproofs, attempts, datasets, jobs, events, corpus, kernel, kimina,
        openrlhf, nemo_gym, metrics, system, web
    ):  # fmt: skip
        app.include_router(module.router)
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY_BYTES)
    app.add_middleware(Gate, settings=settings, store=store)
    app.add_middleware(RequestLog)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, in which every error is a problem."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes
        )
        schemas = document["components"]["schemas"]
        schemas["ProblemDetails"] = ProblemDetails.model_json_schema()
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
                operation["responses"]["default"] = {
                    "description": "A problem (RFC 9457)",
                    "content": {
                        problem_details.MEDIA_TYPE: {
                            "schema": {"$ref": "#/components/schemas/ProblemDetails"}
                        }
                    },
                }
        app.openapi_schema = document
    return app.openapi_schema
