"""Import formats by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aludel.errors import InvalidRequest
from aludel.proof_import import leandojo, minif2f, popai, traced
from aludel.proof_import.records import Imported


@dataclass(frozen=True, slots=True)
class Format:
    """A format: what it is, and how it is read."""

    summary: str
    read: Callable[[Path], Imported]


FORMATS = {
    "leandojo": Format("LeanDojo Benchmark: a JSON file, or the folder of a split", leandojo.read),
    "leandojo-repo": Format("a repository traced by LeanDojo", traced.read),
    "minif2f": Format("JSONL with formal statements, as miniF2F's", minif2f.read),
    "popai": Format("PoPAI's JSON of F* definitions", popai.read),
}


def import_records(name: str, path: Path) -> Imported:
    """Read ``path`` in the format called ``name``; bad records are noted, the rest is kept.

    Raises:
        InvalidRequest: there is no such format, or ``path`` is not in it or holds nothing usable.
        ToolchainMissing: the format needs a library that is not installed.
    """
    if name not in FORMATS:
        raise InvalidRequest(
            f"unknown format {name!r}", field="FORMAT", fix=f"use {', '.join(FORMATS)}"
        )
    found = FORMATS[name].read(path)
    if not (found.problems or found.theorems or found.definitions):
        first = found.bad[0] if found.bad else None
        raise InvalidRequest(
            f"{path} holds no usable record"
            + (f"; the first bad one, {first.where}: {first.reason}" if first else ""),
            field="PATH",
            fix=f"is it {FORMATS[name].summary}?",
        )
    return found
