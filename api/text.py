"""Bodies whose texts can be stored: NUL and half surrogate pairs are refused in keys and values."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope

# Texts of models: what is wrong with them is the verdict on them, not an error of the request.
CANDIDATES = frozenset({"code", "proof"})


class TextRefused(HTTPException):
    """A text of the body cannot be stored; ``field`` names it."""

    def __init__(self, field: str) -> None:
        super().__init__(422, "a text holds a NUL character or half of a surrogate pair")
        self.field = field


class StrictRoute(APIRoute):
    """A route whose JSON bodies hold storable text only.

    Attributes:
        judged: fields with texts that get an answer of their own, whatever they hold.
    """

    judged: frozenset[str] = CANDIDATES

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, which sees the body after it was looked through."""
        handler = super().get_route_handler()
        judged = self.judged

        async def strict(request: Request) -> Response:
            return await handler(_StrictRequest(request.scope, request.receive, judged))

        return strict


class TacticsRoute(StrictRoute):
    """A route that answers for every tactic of ``tactics`` by itself."""

    judged = frozenset({"tactics"})


class _StrictRequest(Request):
    def __init__(self, scope: Scope, receive: Receive, judged: frozenset[str]) -> None:
        super().__init__(scope, receive)
        self._judged = judged

    async def json(self) -> Any:  # noqa: ANN401 - whatever the body holds
        """Return the parsed body.

        Raises:
            TextRefused: a key or a value is no storable text.
        """
        value = await super().json()
        field = unstorable(value, self._judged)
        if field is not None:
            raise TextRefused(field)
        return value


def unstorable(value: object, judged: frozenset[str] = CANDIDATES) -> str | None:
    """Return where in a parsed body a text stands that no database takes, if there is one.

    Args:
        value: the body.
        judged: fields that are not looked into where they hold a text, or texts.
    """
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
                if not (name in judged and _only_text(item))
            )
    return None


def _only_text(value: object) -> bool:
    texts = value if isinstance(value, list) else [value]
    return all(isinstance(text, str) for text in texts)


def storable(text: str) -> bool:
    """Whether a text is without NUL and half surrogate pairs."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
