"""``/v1/toolchains``, ``/healthz`` and ``/readyz``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from fastapi import APIRouter

from aludel.api.auth import Reader
from aludel.api.service import ServiceDep
from aludel.distribution import installed_version
from aludel.errors import BackendUnavailable
from aludel.models import Model
from aludel.store import RegisteredProject, RegisteredToolchain

# Workers say every 15 s at the latest that they are there.
_PRESENT = timedelta(seconds=60)

router = APIRouter()


class Alive(Model):
    """This process answers; nothing is said about database, broker and workers."""

    status: Literal["ok"] = "ok"
    version: str


class Ready(Model):
    """The database and the broker answer, and workers with these toolchains are there.

    ``projects`` are those that requests may name in ``context.project`` now, if there are any.
    """

    status: Literal["ready"] = "ready"
    toolchains: tuple[str, ...]
    projects: tuple[str, ...] | None = None


@router.get("/v1/toolchains", tags=["toolchains"])
def list_toolchains(service: ServiceDep, _caller: Reader) -> list[RegisteredToolchain]:
    """Return the toolchains that workers have registered, the one seen last first."""
    return service.store.toolchains.list()


@router.get("/v1/projects", tags=["toolchains"])
def list_projects(service: ServiceDep, _caller: Reader) -> list[RegisteredProject]:
    """Return the projects that workers have registered, by name, each with its toolchain."""
    return [project for name, project in service.store.toolchains.projects().items() if name]


@router.get("/healthz", tags=["system"])
def healthz() -> Alive:
    """Say that this process answers."""
    return Alive(version=installed_version())


@router.get("/readyz", tags=["system"], response_model_exclude_none=True)
def readyz(service: ServiceDep) -> Ready:
    """Say whether a check that is submitted now would be carried out."""
    service.queue.ping()
    known = service.store.toolchains.list()
    now = datetime.now(UTC)
    present = [e for e in known if e.seen_at is not None and now - e.seen_at < _PRESENT]
    if not present:
        last = max((str(e.seen_at) for e in known if e.seen_at is not None), default=None)
        raise BackendUnavailable(
            "no worker has registered yet" if last is None else f"no worker seen since {last}",
            fix="start one (aludel worker), and look at its log",
        )
    projects = service.store.toolchains.projects().items()
    return Ready(
        toolchains=tuple(sorted({e.toolchain.name for e in present})),
        projects=tuple(name for name, p in projects if name and now - p.seen_at < _PRESENT) or None,
    )
