"""A file of outcomes, so that a long run over cases goes on where it was stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

from aludel import jsonl
from aludel.errors import RunFileError
from aludel.lean_checker.attacks.corpus import Case
from aludel.lean_checker.attacks.run import CRASHED, Outcome
from aludel.models import content_hash


class RecordedLines:
    """Lines of JSON by a hash, a file that is added to.

    Args:
        path: the file, which is made when there is none.
        columns: what a line holds besides ``hash``.

    Raises:
        RunFileError: a line is something else, other than a last one that was cut off, or the file
            cannot be read or written.
    """

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._known: dict[str, list[Any]] = {}
        try:
            self._file: TextIO = path.open("a+", encoding="utf-8")
            self._file.seek(0)
            self._read(path, self._file.read())
        except OSError as error:
            raise RunFileError(
                f"{path}: {error.strerror}", fix="name a file that can be written"
            ) from error

    def _read(self, path: Path, text: str) -> None:
        *lines, cut_off = text.split("\n")
        if cut_off:  # the run was killed while it wrote
            self._file.truncate(len(text.encode()) - len(cut_off.encode()))
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                self._known[row["hash"]] = [row[column] for column in self._columns]
            except (ValueError, KeyError, TypeError) as error:
                raise RunFileError(
                    f"{path}, line {number}: not an outcome of `aludel attacks`",
                    fix="name another file, or remove this one",
                ) from error

    def known(self, key: str) -> list[Any] | None:
        """The columns of what was found under a hash before."""
        return self._known.get(key)

    def write(self, key: str, **row: object) -> None:
        """Write down what was found."""
        line = {"hash": key, **row}
        self._file.write(jsonl.line(line) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class RecordedOutcomes(RecordedLines):
    """Outcomes of earlier runs. A crash is not recorded: the case is put to the checker again.

    Args:
        path: the file, which is made when there is none.
        digest: the toolchain's; outcomes with another count for nothing.

    Raises:
        RunFileError: as :class:`RecordedLines` does.
    """

    def __init__(self, path: Path, digest: str) -> None:
        super().__init__(path, ("got", "message", "placed"))
        self._digest = digest

    def of(self, family: str, case: Case) -> Outcome | None:
        """The outcome that a case had, if it was put to this toolchain before."""
        known = self.known(content_hash(self._digest, case.request()))
        return None if known is None else Outcome(family, case, *known)

    def add(self, outcome: Outcome) -> None:
        """Write down the outcome of a candidate that got one."""
        case = outcome.case
        if outcome.got == CRASHED or not isinstance(case, Case):
            return
        self.write(
            content_hash(self._digest, case.request()),
            family=outcome.family,
            case=case.name,
            got=outcome.got,
            message=outcome.message,
            placed=outcome.placed,
        )
