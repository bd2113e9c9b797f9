"""Bodies whose texts can be stored: NUL and half surrogate pairs are refused in keys and values."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

# Texts of models: what is wrong with them is the verdict on them, not an error of the request.
CANDIDATES = frozenset({"code", "proof"})


class TextRefused(HTTPException):
    """A text of the body cannot be stored; ``field`` names it."""

    def __init__(self, field: str) -> None:
        super().__init__(422, "a text holds a NUL character or half of a surrogate pair")
        self.field = field


class StrictRoute(APIRoute):
    """A route whose JSON bodies hold storable text only."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, which sees the body after it was looked through."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(_StrictRequest(request.scope, request.receive))

        return strict


class _StrictRequest(Request):
    async def json(self) -> Any:  # noqa: ANN401 - whatever the body holds
        """Return the parsed body.

        Raises:
            TextRefused: a key or a value is no storable text.
        """
        value = await super().json()
        field = unstorable(value)
        if field is not None:
            raise TextRefused(field)
        return value


def unstorable(value: object) -> str | None:
    """Return where in a parsed body a text stands that no database takes, if there is one."""
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        where, one = waiting.pop()
        if isinstance(one, str) and not storable(one):
            return where.strip(".") or "body"
        if isinstance(one, list):
            waiting.extend((f"{where}.{index}", item) for index, item in enumerate(one))
        elif isinstance(one, dict):
            if any(not storable(name) for name in one):
                return where.strip(".") or "body"
            waiting.extend(
                (f"{where}.{name}", item)
                for name, item in one.items()
                if not (name in CANDIDATES and isinstance(item, str))
            )
    return None


def storable(text: str) -> bool:
    """Whether a text is without NUL and half surrogate pairs."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
