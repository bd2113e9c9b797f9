"""Lines of JSON: what ends a line, and how one is written so that every reader sees one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from aludel.errors import InvalidRequest

MAX_LINE_BYTES = 1 << 26
_BLOCK = 1 << 20


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


class StreamedLine(NamedTuple):
    """A line of a file that holds something.

    Attributes:
        number: from 1.
        start, end: where it begins and where the next one does, in bytes.
        text: its text; empty where ``fault`` says why it cannot be read.
    """

    number: int
    start: int
    end: int
    text: str
    fault: str = ""


def stream_lines(
    path: Path, field: str, at: int = 0, number: int = 1, most: int = MAX_LINE_BYTES
) -> Iterator[StreamedLine]:
    """Yield a file's lines that hold something, one in memory at a time.

    Args:
        path: the file.
        field: what to call it in errors.
        at: where to begin, in bytes; the beginning of a line.
        number: of that line.
        most: bytes of a line; a longer one is passed over, and has a ``fault``.

    Raises:
        InvalidRequest: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            file.seek(at)
            while data := file.readline(most + 1):
                passed = _pass_over(file) if len(data) > most and data[-1:] != b"\n" else 0
                end = at + len(data) + passed
                if data.strip():
                    yield _streamed(number, at, end, data, most)
                at, number = end, number + 1
    except OSError as error:
        raise InvalidRequest(
            f"{path} cannot be read: {error.strerror}", field=field, fix="give a JSONL file"
        ) from error


def _pass_over(file: BinaryIO) -> int:
    """Read to the end of a line; return how much that was."""
    passed = 0
    while data := file.readline(_BLOCK):
        passed += len(data)
        if data.endswith(b"\n"):
            break
    return passed


def _streamed(number: int, start: int, end: int, data: bytes, most: int) -> StreamedLine:
    if len(data) > most:
        return StreamedLine(number, start, end, "", f"a line of more than {most} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return StreamedLine(number, start, end, "", f"not UTF-8 (byte {error.start})")
    if number == 1:
        text = text.removeprefix("\ufeff")
    return StreamedLine(number, start, end, text.rstrip("\r\n"))


def line(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a value as one line of JSON, without what some readers take for the end of a line."""
    shown = json.dumps(value, ensure_ascii=False)
    for mark in ("\u2028", "\u2029", "\x85"):
        shown = shown.replace(mark, f"\\u{ord(mark):04x}")
    return shown
