"""Statements disproved by the service: ``Client.disprove``."""

from __future__ import annotations

from aludel.client.transport import Call, Flow, fetch
from aludel.disproofs import Disproof, DisproofRequest

_SLACK_S = 120.0
"""Seconds beside its own that a search may take: to wait for its turn, and for its last proof."""


def disproof_of(request: DisproofRequest | str) -> Flow[Disproof]:
    """Have a statement's negation tried; a text is ``theorem NAME …``."""
    asked = DisproofRequest(statement=request) if isinstance(request, str) else request
    call = Call(
        "POST",
        "/v1/disproofs",
        json=asked.model_dump(mode="json"),
        read_s=asked.wall_s + _SLACK_S,
    )
    return fetch(Disproof, call)
