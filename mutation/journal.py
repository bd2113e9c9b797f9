"""The journal of a run: a line for each finished target, from which a killed run continues.

The first line says what the run is (plan and toolchain). A line is complete when it ends with a
line feed; a torn last line is what was being written when the machine stopped, and is cut off.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from aludel.errors import Conflict, InvalidRequest, RunFileError
from aludel.mutation.outcome import TargetOutcome
from aludel.mutation.plan import MutationPlan

_BLOCK = 1 << 16


class Journal:
    """Appends outcomes durably; use as a context manager."""

    def __init__(self, path: Path, plan: MutationPlan, toolchain_digest: str) -> None:
        """Open or create the journal at ``path``.

        Raises:
            Conflict: it belongs to another plan or toolchain.
            InvalidRequest: the file is no journal.
            RunFileError: it cannot be read or written.
        """
        self._path = path
        head = {"plan": plan.identity(), "toolchain_digest": toolchain_digest}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = not self._mend()
            if not fresh:
                self._compare(head)
            self._file = path.open("ab")
            if fresh:
                self._write(head)
        except OSError as error:
            raise self._unusable(error) from error

    def outcomes(self) -> Iterator[TargetOutcome]:
        """Yield what is recorded so far, in order, in constant memory.

        Raises:
            InvalidRequest: a line is no outcome.
            RunFileError: the file cannot be read.
        """
        end = self._path.stat().st_size
        try:
            with self._path.open("rb") as file:
                file.readline()
                while file.tell() < end:
                    yield TargetOutcome.model_validate_json(file.readline())
        except (ValueError, ValidationError) as error:
            raise self._no_journal() from error
        except OSError as error:
            raise self._unusable(error) from error

    def append(self, outcome: TargetOutcome) -> None:
        """Record a finished target; on disk when this returns.

        Raises:
            RunFileError: the disk is full or read-only; what was recorded before stays.
        """
        try:
            self._write(outcome.model_dump(mode="json"))
        except OSError as error:
            raise self._unusable(error) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _mend(self) -> bool:
        """Cut off a torn last line; whether any line is left."""
        if not self._path.exists():
            return False
        size = self._path.stat().st_size
        whole = self._end_of_last_line(size)
        if whole < size:
            os.truncate(self._path, whole)
        return whole > 0

    def _end_of_last_line(self, size: int) -> int:
        with self._path.open("rb") as file:
            stop = size
            while stop > 0:
                start = max(0, stop - _BLOCK)
                file.seek(start)
                found = file.read(stop - start).rfind(b"\n")
                if found >= 0:
                    return start + found + 1
                stop = start
        return 0

    def _compare(self, head: dict[str, Any]) -> None:
        with self._path.open("rb") as file:
            first = file.readline()
        try:
            known = json.loads(first)
        except ValueError as error:
            raise self._no_journal() from error
        if known != head:
            raise Conflict(
                f"{self._path.parent} holds a run with other options or another toolchain",
                field="--out",
                fix="name another folder, or repeat the options of that run",
            )

    def _write(self, value: dict[str, Any]) -> None:
        self._file.write(json.dumps(value, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _no_journal(self) -> InvalidRequest:
        return InvalidRequest(
            f"{self._path} is not a mutation journal", field="--out", fix="name another folder"
        )

    def _unusable(self, error: OSError) -> RunFileError:
        return RunFileError(
            f"cannot use {self._path}: {error.strerror or error}",
            field="--out",
            fix="free space, or name a folder that can be written",
        )
