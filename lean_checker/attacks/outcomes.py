"""A file of outcomes, so that a long run over cases goes on where it was stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO

from aludel import jsonl
from aludel.errors import RunFileError
from aludel.lean_checker.attacks.corpus import Case
from aludel.lean_checker.attacks.run import CRASHED, Outcome
from aludel.models import content_hash


class RecordedOutcomes:
    """Outcomes of earlier runs by content hash, a line of JSON each.

    A crash is not recorded: the case is put to the checker again. Outcomes with another toolchain
    count for nothing, for its digest is in the hash.

    Args:
        path: the file, which is made when there is none.
        digest: the toolchain's.

    Raises:
        RunFileError: a line is no outcome, other than a last one that was cut off, or the file
            cannot be read or written.
    """

    def __init__(self, path: Path, digest: str) -> None:
        self._digest = digest
        self._known: dict[str, tuple[str, str, bool]] = {}
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
                self._known[row["hash"]] = (row["got"], row["message"], row["placed"])
            except (ValueError, KeyError, TypeError) as error:
                raise RunFileError(
                    f"{path}, line {number}: not an outcome of `aludel attacks`",
                    fix="name another file, or remove this one",
                ) from error

    def of(self, family: str, case: Case) -> Outcome | None:
        """The outcome that a case had, if it was put to this toolchain before."""
        known = self._known.get(content_hash(self._digest, case.request()))
        return None if known is None else Outcome(family, case, *known)

    def add(self, outcome: Outcome) -> None:
        """Write down the outcome of a candidate that got one."""
        case = outcome.case
        if outcome.got == CRASHED or not isinstance(case, Case):
            return
        row = {
            "hash": content_hash(self._digest, case.request()),
            "family": outcome.family,
            "case": case.name,
            "got": outcome.got,
            "message": outcome.message,
            "placed": outcome.placed,
        }
        self._file.write(jsonl.line(row) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
