"""The journal of a run: a line for each finished target, so that a killed run goes on where it was.

The first line says what the run is (plan and toolchain). A line is complete when it ends with a
line feed; a torn last line is what was being written when the machine stopped, and is cut off.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from aludel.errors import Conflict, InvalidRequest, StoreError
from aludel.records import VariantRecord
from mutation.engine import MutationPlan, TargetOutcome
from mutation.report import MutationReport


class _Line(BaseModel):
    target: str
    variants: list[VariantRecord]
    report: MutationReport


class Journal:
    """Appends outcomes durably; use as a context manager.

    Attributes:
        outcomes: those of earlier parts of the run, in order.
    """

    def __init__(self, path: Path, plan: MutationPlan, toolchain_digest: str) -> None:
        """Open or create the journal at ``path``.

        Raises:
            Conflict: it belongs to another plan or toolchain.
            InvalidRequest: the file is no journal.
            StoreError: it cannot be read or written.
        """
        self._path = path
        head = {"plan": plan.model_dump(mode="json"), "toolchain_digest": toolchain_digest}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = self._whole_lines()
            self.outcomes = self._read(lines, head)
            self._file = path.open("ab")
            if not lines:
                self._write(head)
        except OSError as error:
            raise self._unusable(error) from error

    def append(self, outcome: TargetOutcome) -> None:
        """Record a finished target; on disk when this returns.

        Raises:
            StoreError: the disk is full or read-only; what was recorded before stays.
        """
        line = _Line(target=outcome.target, variants=outcome.variants, report=outcome.report)
        try:
            self._write(line.model_dump(mode="json"))
        except OSError as error:
            raise self._unusable(error) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _whole_lines(self) -> list[bytes]:
        if not self._path.exists():
            return []
        text = self._path.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if len(whole) < len(text):
            os.truncate(self._path, len(whole))
        return whole.splitlines()

    def _read(self, lines: list[bytes], head: dict[str, Any]) -> list[TargetOutcome]:
        if not lines:
            return []
        try:
            if json.loads(lines[0]) != head:
                raise Conflict(
                    f"{self._path.parent} holds a run with other options or another toolchain",
                    field="--out",
                    fix="name another folder, or repeat the options of that run",
                )
            parsed = [_Line.model_validate_json(line) for line in lines[1:]]
        except (ValueError, ValidationError) as error:
            raise InvalidRequest(
                f"{self._path} is not a mutation journal", field="--out", fix="name another folder"
            ) from error
        return [TargetOutcome(line.target, line.variants, line.report) for line in parsed]

    def _write(self, value: dict[str, Any]) -> None:
        self._file.write(json.dumps(value, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _unusable(self, error: OSError) -> StoreError:
        return StoreError(
            f"cannot use {self._path}: {error.strerror or error}",
            field="--out",
            fix="free space, or name a folder that can be written",
        )
