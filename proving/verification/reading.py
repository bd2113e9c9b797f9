"""Both files of a run as they are read: a line at a time, and what a line holds."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from aludel.columns import candidates_of, names_of
from aludel.errors import InvalidRequest
from aludel.jsonl import StreamedLine, stream_lines
from aludel.progress import Progress
from aludel.proving.verification.posing import Columns, PosedProblem, Poser

_ENDS = 1 << 20


class ReadCandidate(NamedTuple):
    """A candidate as it stands in its line, or the fault of a line that holds none.

    Attributes:
        number: of the line, from 1.
        item: its place among the candidates of the line, from 0.
        names: what the line calls its problem.
        text: None where there is no text.
    """

    number: int
    item: int
    names: list[str]
    text: str | None
    fault: str = ""


def candidates_in(read: StreamedLine, columns: Columns) -> Iterator[ReadCandidate]:
    """Yield the candidates of a line; what cannot be read is one too, with its fault."""
    try:
        row = _object(read)
    except InvalidRequest as error:
        yield ReadCandidate(read.number, 0, [], None, error.message)
        return
    names = names_of(row, columns.names)
    texts = candidates_of(row, columns.candidates)
    if not names or texts is None:
        wanted = columns.candidates if names else columns.names
        fault = f"it has no field {' or '.join(wanted)}"
        yield ReadCandidate(read.number, 0, names, None, fault)
        return
    for item, text in enumerate(texts):
        yield ReadCandidate(read.number, item, names, text)


def ensure_candidates(path: Path, columns: Columns) -> None:
    """Make sure that the first line of a file holds candidates.

    Raises:
        InvalidRequest: it holds none, or the file is empty or cannot be read.
    """
    first = next(stream_lines(path, "CANDIDATES"), None)
    if first is None:
        raise InvalidRequest("it is empty", field="CANDIDATES", fix="give a JSONL file")
    for candidate in candidates_in(first, columns):
        if candidate.fault:
            message = f"{path}:{first.number}: {candidate.fault}"
            fix = "name the columns with --name-column and --code-column"
            raise InvalidRequest(message, field="CANDIDATES", fix=fix)


class ReadProblem(NamedTuple):
    """A row of a file of problems: the problem that it poses, or why it poses none.

    Attributes:
        number: of the line from 1, or of the row of a file that is one JSON value, from 0.
        names: what the row calls itself; its place where it has no name.
        size: bytes of the file that it takes.
    """

    number: int
    names: list[str]
    found: PosedProblem | InvalidRequest
    size: int


def problems_in(path: Path, poser: Poser) -> Iterator[ReadProblem]:
    """Yield the rows of a file of problems, whatever they hold.

    Raises:
        InvalidRequest: the file cannot be read.
    """
    for place, row, size in _rows(path):
        names = [f"{path.name}:{place}"]
        try:
            if isinstance(row, InvalidRequest):
                raise row
            names = poser.names(row) or names
            problem = poser.pose(row)
            yield ReadProblem(place, list(problem.names), problem, size)
        except InvalidRequest as error:
            yield ReadProblem(place, names, error, size)


def poses_nothing(path: Path, fault: str) -> InvalidRequest:
    """Return the error of a file without a problem; ``fault`` is that of its last row."""
    return InvalidRequest(
        f"{path} poses no problem; the last line, {fault}",
        field="PROBLEMS",
        fix="name the columns with --name-column and --statement-column",
    )


def read_problems(
    path: Path, poser: Poser, progress: Progress
) -> Iterator[tuple[list[str], PosedProblem | str]]:
    """Yield the problems of a file with their names, or why a line poses none.

    Raises:
        InvalidRequest: no line poses one, or the file cannot be read.
    """
    progress.step("reading problems, bytes", path.stat().st_size)
    posed, fault = False, "it is empty"
    for _, names, found, size in problems_in(path, poser):
        if isinstance(found, InvalidRequest):
            fault = f"{names[0]}: {found.message}"
            yield names, found.message
        else:
            posed = True
            yield names, found
        progress.advance(size)
    if not posed:
        raise poses_nothing(path, fault)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | InvalidRequest, int]]:
    """Yield the rows of a file, or what is wrong with them, with their places and sizes."""
    if path.suffix == ".json":
        yield from ((n, row, 0) for n, row in enumerate(_whole(path)))
        return
    for read in stream_lines(path, "PROBLEMS"):
        try:
            row: dict[str, Any] | InvalidRequest = _object(read)
        except InvalidRequest as error:
            row = error
        yield read.number, row, read.end - read.start


def _whole(path: Path) -> Iterator[dict[str, Any] | InvalidRequest]:
    """Yield the rows of a file that is one JSON value: rows, or files of PoPAI with their rows."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"{path} is not JSON: {error}", field="PROBLEMS", fix="give JSON, or JSONL as .jsonl"
        ) from error
    for one in value if isinstance(value, list) else [value]:
        rows = one["defs"] if isinstance(one, dict) and isinstance(one.get("defs"), list) else [one]
        for row in rows:
            yield row if isinstance(row, dict) else InvalidRequest("not a JSON object")


def _object(read: StreamedLine) -> dict[str, Any]:
    """Return the object of a line.

    Raises:
        InvalidRequest: it holds none.
    """
    if read.fault:
        raise InvalidRequest(read.fault)
    try:
        row = json.loads(read.text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"not JSON: {error}") from error
    if not isinstance(row, dict):
        raise InvalidRequest("not a JSON object")
    return row


def fingerprint(path: Path, field: str) -> list[object]:
    """Return what tells a file from others without reading all of it: its size and both ends.

    Raises:
        InvalidRequest: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            ends = hashlib.sha256(file.read(_ENDS))
            file.seek(max(0, size - _ENDS))
            ends.update(file.read(_ENDS))
    except OSError as error:
        raise InvalidRequest(
            f"{path} cannot be read: {error.strerror}", field=field, fix="give a JSONL file"
        ) from error
    return [size, ends.hexdigest()]
