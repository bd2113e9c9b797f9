"""Names of projects where none is taken: they are refused, and never left out of account."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, model_validator

from aludel.errors import InvalidRequest

_PARAMETER = "project"
_KEYS = ("project", "context")


def refuse_stray_project(request: Request) -> None:
    """Refuse ``?project=`` where the route does not take it.

    Raises:
        InvalidRequest: it is there, and means nothing.
    """
    route = request.scope.get("route")
    if _PARAMETER not in request.query_params or not isinstance(route, APIRoute):
        return
    if all(parameter.alias != _PARAMETER for parameter in route.dependant.query_params):
        raise InvalidRequest(
            "this route takes no project in its address",
            field=_PARAMETER,
            fix="name it in `context.project` of a check or a session; the rest is the default's",
        )


class Foreign(BaseModel):
    """A body of another service's, whose unknown keys are left alone unless they name a project."""

    @model_validator(mode="before")
    @classmethod
    def _names_no_project(cls, value: Any) -> Any:  # noqa: ANN401 - whatever was sent
        stray = next((key for key in _KEYS if isinstance(value, dict) and key in value), None)
        if stray is not None:
            raise InvalidRequest(
                "this body has no such key",
                field=stray,
                fix="name a project in the address: ?project=NAME",
            )
        return value
