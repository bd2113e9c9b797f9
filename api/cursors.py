"""Cursors of listings: places in an order, opaque to callers."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Annotated

from fastapi import Query

from aludel.errors import InvalidRequest

MAX_CURSOR_CHARS = 8_000

Cursor = Annotated[
    str | None, Query(max_length=MAX_CURSOR_CHARS, description="`next_cursor` of the page before")
]


def cursor_of(*place: str | int) -> str:
    """Return the cursor that stands for a place."""
    text = json.dumps(place, ensure_ascii=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(cursor: str, *kinds: type) -> list[str | int]:
    """Return the place that a cursor stands for, of values of ``kinds``.

    Raises:
        InvalidRequest: it is no cursor of this listing.
    """
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        found = json.loads(base64.b64decode(padded, b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise no_cursor() from error
    fits = isinstance(found, list) and [type(value) for value in found] == list(kinds)
    if not fits or any(not _storable(value) for value in found):
        raise no_cursor()
    return list(found)


def moment_of(cursor: str) -> tuple[datetime, str]:
    """Return the time and the name that a cursor of a listing by time stands for.

    Raises:
        InvalidRequest: it is no cursor of this listing.
    """
    time, name = place_of(cursor, str, str)
    try:
        at = datetime.fromisoformat(str(time))
    except ValueError as error:
        raise no_cursor() from error
    if at.tzinfo is None:
        raise no_cursor()
    return at, str(name)


def no_cursor() -> InvalidRequest:
    """Return what to tell about a cursor that is none."""
    return InvalidRequest(
        "not a cursor of this listing", field="cursor", fix="send a `next_cursor` received before"
    )


def _storable(value: str | int) -> bool:
    """Whether a database takes the value: no NUL, no half surrogate pair, no huge number."""
    if isinstance(value, int):
        return abs(value) < 2**31
    return "\x00" not in value and value.isprintable()
