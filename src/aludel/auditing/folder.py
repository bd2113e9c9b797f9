"""The folder of a run: the rows so far, and the report at the end."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from aludel.auditing.report import AuditReport, html_page
from aludel.audits import AuditRow
from aludel.errors import Conflict, RunFileError
from aludel.files import write_whole
from aludel.jsonl import line
from aludel.models import canonical_json

IDENTITY = "run.json"
ROWS = "audits.jsonl"
REPORT = "report.json"
PAGE = "report.html"


class Folder:
    """A folder that keeps rows; without a path it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    @classmethod
    @contextlib.contextmanager
    def opened(cls, path: Path | None, identity: dict[str, Any]) -> Iterator[Folder]:
        """Hold a folder for one run alone.

        Raises:
            Conflict: it is another run's, or another process works in it.
            RunFileError: it cannot be used.
        """
        if path is None:
            yield cls(None)
            return
        shown = canonical_json(identity)
        with _using(path):
            path.mkdir(parents=True, exist_ok=True)
            held = (path / IDENTITY).open("a+", encoding="utf-8")
        with held:
            _hold(held.fileno(), path)
            with _using(path):
                _ensure_same(held, shown, path)
                _cut_to_whole_lines(path / ROWS)
            yield cls(path)

    def rows(self) -> Iterator[AuditRow]:
        """Yield the rows that are there.

        Raises:
            RunFileError: one cannot be read.
        """
        if self._path is None or not (self._path / ROWS).exists():
            return
        with _using(self._path), (self._path / ROWS).open("rb") as file:
            for number, text in enumerate(file, 1):
                try:
                    yield AuditRow.model_validate_json(text)
                except ValidationError as error:
                    raise RunFileError(
                        f"line {number} of {self._path / ROWS} is no row of an audit",
                        field="--out",
                        fix="name another folder",
                    ) from error

    def write(self, rows: Sequence[AuditRow]) -> None:
        """Add rows, which are on the disk afterwards."""
        if self._path is None:
            return
        with _using(self._path), (self._path / ROWS).open("ab") as file:
            for row in rows:
                file.write(f"{line(row.model_dump(mode='json'))}\n".encode())
            file.flush()
            os.fsync(file.fileno())

    def finish(self, report: AuditReport, title: str) -> None:
        """Write the report, as JSON and as a page."""
        if self._path is None:
            return
        with _using(self._path):
            shown = json.dumps(report.model_dump(mode="json"), indent=2, ensure_ascii=False)
            write_whole(self._path / REPORT, [shown, "\n"])
            write_whole(self._path / PAGE, [html_page(report, title)])


def _hold(file: int, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise Conflict(
            f"another process works in {path}",
            field="--out",
            fix="wait until it has ended, or name another folder",
        ) from error


def _ensure_same(held: Any, shown: str, path: Path) -> None:  # noqa: ANN401 - a text file
    held.seek(0)
    known = held.read()
    if shown.startswith(known) and not (path / ROWS).exists():
        held.truncate(0)  # whoever wrote it was killed before there was a row
        held.write(shown)
        held.flush()
    elif known != shown:
        raise Conflict(
            f"{path} holds a run of other files, with other options or another prover",
            field="--out",
            fix="name another folder, or repeat the files and options of that run",
        )


def _cut_to_whole_lines(path: Path) -> None:
    """Drop what a killed run had written of a line."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        while size:
            start = max(0, size - 65_536)
            file.seek(start)
            last = file.read(size - start).rfind(b"\n")
            if last >= 0:
                size = start + last + 1
                break
            size = start
        file.truncate(size)


@contextlib.contextmanager
def _using(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunFileError(
            f"{path} cannot be used: {error.strerror or error}",
            field="--out",
            fix="free space, or name another folder; the same command goes on",
        ) from error
