"""Options of a submission: priority, and the key that makes repeats harmless."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Query
from pydantic import BaseModel

from aludel.api.auth import Caller
from aludel.errors import InvalidRequest, ToolchainMissing
from aludel.jobs import MAX_PRIORITY
from aludel.models import Prover
from aludel.store import Scope, Store, Submission


@dataclass(frozen=True, slots=True)
class Manner:
    """The options of a submission beside its body."""

    priority: int
    idempotency_key: str | None

    def submission(self, caller: Caller, body: BaseModel) -> Submission:
        """Return how ``caller`` submits ``body``.

        Raises:
            Forbidden: the priority is one for administrators.
            InvalidRequest: some text of the body is not Unicode.
        """
        if self.priority > 0:
            caller.require(Scope.ADMIN)
        digest = None
        if self.idempotency_key is not None:
            digest = _digest(body)
        return Submission(caller.key.id, self.priority, self.idempotency_key, digest)


def require(store: Store, prover: Prover = Prover.LEAN) -> None:
    """Make sure that a worker with the prover has registered.

    Raises:
        ToolchainMissing: none has.
    """
    if not any(entry.toolchain.prover is prover for entry in store.toolchains.list()):
        raise ToolchainMissing(
            f"no worker with a {prover} toolchain has registered", fix="start one (aludel worker)"
        )


def _digest(body: BaseModel) -> str:
    try:
        text = body.model_dump_json()
    except ValueError as error:  # half a surrogate pair
        raise InvalidRequest("a text is not Unicode", field="body") from error
    return hashlib.sha256(f"{type(body).__name__} {text}".encode()).hexdigest()


def _manner(
    priority: Annotated[
        int,
        Query(
            ge=-MAX_PRIORITY,
            le=MAX_PRIORITY,
            description="jobs of a higher one go first; above 0 needs the scope `admin`",
        ),
    ] = 0,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=255,
            pattern=r"^[\x21-\x7e]+$",
            description="equal keys mean the same job; send the request again with its own",
        ),
    ] = None,
) -> Manner:
    return Manner(priority, key)


How = Annotated[Manner, Depends(_manner)]
