"""The library of the second kernel, exported by the Lean server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aludel.deadline import QUEUE_S, Deadline
from aludel.lean_checker.intake import validate_imports
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.process import Reply
from aludel.lean_kernel.library import write_library

EXPORT_S = 3_600.0


def export_library(
    pool: LeanPool, imports: tuple[str, ...], folder: Path, wall_s: float = EXPORT_S
) -> str:
    """Write all constants of an import set to ``folder``; return the library's digest.

    Raises:
        InvalidRequest: there is no such import set.
        BackendUnavailable: the machine failed.
    """
    validate_imports(imports)
    with pool.fresh(Deadline.after(QUEUE_S), imports) as process:
        body = {"imports": list(imports)}
        answers = process.ask_stream("export", body, Deadline.after(wall_s))
        return write_library(folder, _tables(answers))


def _tables(answers: Iterator[dict[str, Any] | Reply]) -> Iterator[dict[str, Any]]:
    for answer in answers:
        if isinstance(answer, dict):
            yield answer
