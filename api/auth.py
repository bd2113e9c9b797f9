"""Authentication and authorization by API key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from aludel.api.gate import KEY, known_key
from aludel.errors import Forbidden, NotFound
from aludel.store import ApiKey, Scope, Store

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

    def reach_result(self, digest: str, *, of_all: bool) -> None:
        """Make sure that the caller may read the result ``digest``.

        Args:
            digest: content hash of a check.
            of_all: whether everybody's results are open to every key.

        Raises:
            NotFound: there is none, or only others asked for it.
        """
        if of_all or self.sees is None:
            return
        if not self.store.verdicts.asked_by(digest, self.key.id):
            raise NotFound(f"no result has the hash {digest!r}", field="hash")


def _caller(
    request: Request,
    shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    service = request.app.state.service
    store: Store = service.store
    key: ApiKey | None = getattr(request.state, KEY, None)
    if key is None:
        if shown is None and not service.settings.require_key:
            return Caller(store.keys.anonymous(), store)
        key = known_key(request.headers, store)
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
