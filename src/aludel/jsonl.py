"""Lines of JSON: what ends a line, and how one is written so that every reader sees one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aludel.errors import InvalidRequest


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text that hold something, with their numbers from 1.

    Only a line feed ends a line, a carriage return before it is dropped: U+2028, U+0085 and the
    like, at which ``str.splitlines`` divides, may stand inside JSON strings.
    """
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if line.strip():
            yield number, line.removesuffix("\r")


def read_lines(path: Path, field: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file as :func:`lines_of` does.

    Raises:
        InvalidRequest: the file cannot be read as UTF-8 text; ``field`` is named.
    """
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(
            f"{path} cannot be read as text: {error}", field=field, fix="give a UTF-8 file"
        ) from error
    yield from lines_of(text)


def line(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a value as one line of JSON, without what some readers take for the end of a line."""
    shown = json.dumps(value, ensure_ascii=False)
    for mark in ("\u2028", "\u2029", "\x85"):
        shown = shown.replace(mark, f"\\u{ord(mark):04x}")
    return shown
