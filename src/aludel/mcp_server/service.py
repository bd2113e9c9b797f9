"""The tools on a service: what HTTP offers."""

from __future__ import annotations

from aludel.client import Client
from aludel.client.flows import verdict_of
from aludel.goals import Goals
from aludel.models import CheckRequest, Verdict
from aludel.receipts import Receipt

_SLACK_S = 60.0
"""Seconds beside its budget that a check may wait for its turn."""


class ServiceBackend:
    """A :class:`~aludel.mcp_server.backend.Backend` through the HTTP API.

    Args:
        client: of the service; closed with this.
    """

    library = None

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def goals(self) -> Goals:
        """Sessions of tactics on the service."""
        return self._client.goals

    def check(self, request: CheckRequest) -> Verdict:
        """Judge a candidate; see :meth:`aludel.mcp_server.backend.Backend.check`."""
        deadline = request.budget.wall_s + _SLACK_S
        [item] = self._client.check_batch([request], deadline=deadline)
        return verdict_of(item)

    def receipt(self, request: CheckRequest) -> Receipt:
        """Judge a candidate, and have the service write a receipt of what it recorded."""
        return self._client.receipt(self.check(request).hash)

    def close(self) -> None:
        """Close the connections; safe to call twice."""
        self._client.close()
