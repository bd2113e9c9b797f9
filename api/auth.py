"""Authentication and authorization by API key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from aludel.errors import Forbidden, NotFound, Unauthorized
from aludel.store import ApiKey, Scope, Store

_HOW = "send Authorization: Bearer KEY; aludel keys create makes one"
_bearer = HTTPBearer(auto_error=False, description="an API key (aludel keys create)")


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a key, or without one where none is needed."""

    key: ApiKey
    store: Store

    def require(self, scope: Scope) -> None:
        """Make sure that the key has ``scope``.

        Raises:
            Forbidden: it has not.
        """
        if scope not in self.key.scopes:
            raise Forbidden(
                f"the key {self.key.name!r} may not do this",
                fix=f"use one with the scope {scope.value}",
            )

    @property
    def sees(self) -> str | None:
        """The key whose jobs the caller sees; ``None`` is all of them."""
        return None if Scope.ADMIN in self.key.scopes else self.key.id

    def reach(self, job_id: str) -> None:
        """Make sure that the caller sees a job.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        if self.sees is not None and self.store.jobs.owner(job_id) != self.sees:
            raise NotFound(f"no job has the id {job_id!r}", field="id")


def _caller(
    request: Request,
    shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    service = request.app.state.service
    store: Store = service.store
    if shown is None:
        if service.settings.require_key:
            raise Unauthorized("an API key is needed", field="Authorization", fix=_HOW)
        return Caller(store.keys.anonymous(), store)
    key = store.keys.find(shown.credentials)
    if key is None:
        raise Unauthorized("the API key is unknown or revoked", field="Authorization", fix=_HOW)
    request.state.key = key.id
    return Caller(key, store)


def _reader(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    caller.require(Scope.READ)
    return caller


def _submitter(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    caller.require(Scope.SUBMIT)
    return caller


SUBMITTING = Depends(_submitter)
Reader = Annotated[Caller, Depends(_reader)]
Submitter = Annotated[Caller, Depends(_submitter)]
