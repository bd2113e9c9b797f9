"""The tools on a service: what HTTP offers."""

from __future__ import annotations

from aludel.client import Client
from aludel.client.flows import verdict_of
from aludel.disproofs import Disproof, DisproofRequest
from aludel.goals import GoalRequest, Goals, GoalState
from aludel.models import CheckRequest, Verdict
from aludel.projects import in_project
from aludel.receipts import Receipt

_SLACK_S = 60.0
"""Seconds beside its budget that a check may wait for its turn."""


class ServiceBackend:
    """A :class:`~aludel.mcp_server.backend.Backend` through the HTTP API.

    Args:
        client: of the service; closed with this.
        project: the service's, where a call names none.
    """

    library = None

    def __init__(self, client: Client, project: str | None = None) -> None:
        self._client = client
        self._project = project

    @property
    def goals(self) -> Goals:
        """Sessions of tactics on the service."""
        return _InProject(self._client.goals, self._project)

    def check(self, request: CheckRequest) -> Verdict:
        """Judge a candidate; see :meth:`aludel.mcp_server.backend.Backend.check`."""
        deadline = request.budget.wall_s + _SLACK_S
        asked = in_project(request, self._project)
        [item] = self._client.check_batch([asked], deadline=deadline)
        return verdict_of(item)

    def disprove(self, request: DisproofRequest) -> Disproof:
        """Have the service look for a proof of a negation."""
        asked = request
        if request.project is None and self._project is not None:
            asked = request.model_copy(update={"project": self._project})
        return self._client.disprove(asked)

    def receipt(self, request: CheckRequest) -> Receipt:
        """Judge a candidate, and have the service write a receipt of what it recorded."""
        return self._client.receipt(self.check(request).hash)

    def close(self) -> None:
        """Close the connections; safe to call twice."""
        self._client.close()


class _InProject:
    """Sessions of a service, opened in a project where a request names none."""

    def __init__(self, goals: Goals, project: str | None) -> None:
        self._goals = goals
        self._project = project
        self.step, self.get = goals.step, goals.get
        self.script, self.close = goals.script, goals.close

    def open(self, request: GoalRequest) -> GoalState:
        """Start a session; raises as :meth:`aludel.goals.Goals.open`."""
        return self._goals.open(in_project(request, self._project))
