"""Statements of evaluation sets, which neither new theorems nor exports may repeat."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from aludel.errors import BackendUnavailable
from aludel.lean_checker.operations import MutantSource, ScreenItem, ScreenTask
from aludel.protocols import Exhausted

_HEAD = re.compile(r"^\s*(?:@\[[^\]]*\]\s*)?(?:theorem|lemma|example|def)\b\s*(?P<rest>.*)$", re.S)
_NAME = re.compile(r"^[^\s(\[{:⦃]+")
_VALUE = re.compile(r":=\s*(?:by\b.*|sorry\s*)?$", re.S)
_CHUNK = 200


@dataclass(frozen=True)
class AvoidedStatements:
    """An evaluation set, as texts and as terms.

    Attributes:
        texts: statements without name, proof and spaces.
        shapes: hashes of those that elaborate under the run's imports.
    """

    texts: frozenset[str] = field(default_factory=frozenset)
    shapes: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of_texts(cls, statements: Iterable[str]) -> AvoidedStatements:
        """Return what counts as texts only."""
        return cls(frozenset(map(normal_text, statements)))

    def has(self, statement: str, shape_hash: str) -> bool:
        """Whether a variant's statement is one of them."""
        return shape_hash in self.shapes or normal_text(statement) in self.texts


def normal_text(statement: str) -> str:
    """Return a statement without keyword, name, proof and spaces."""
    found = _HEAD.match(statement)
    rest = found["rest"] if found else statement
    rest = _NAME.sub("", rest, count=1) if found else rest
    return "".join(_VALUE.sub("", rest).split())


def as_theorem(statement: str) -> str:
    """Return a statement as the header of a theorem, whatever it was called and proved by."""
    found = _HEAD.match(statement)
    header = _NAME.sub("", found["rest"], count=1) if found else f" : {statement}"
    return "theorem aludel_avoided " + _VALUE.sub("", header).strip()


def read_avoided(
    source: MutantSource, imports: tuple[str, ...], statements: Sequence[str]
) -> AvoidedStatements:
    """Elaborate the statements where the import set allows it; the others count as texts only.

    Raises:
        BackendUnavailable: the machine failed.
    """
    shapes: set[str] = set()
    for start in range(0, len(statements), _CHUNK):
        chunk = statements[start : start + _CHUNK]
        items = tuple(ScreenItem(as_theorem(statement)) for statement in chunk)
        found = source.screen(ScreenTask(items, imports, budget=0))
        if isinstance(found, Exhausted):
            raise BackendUnavailable(f"the statements to avoid were not read: {found.message}")
        shapes.update(one.shape_hash for one in found.screenings if one.error is None)
    return AvoidedStatements(frozenset(map(normal_text, statements)), frozenset(shapes))


def read_avoided_everywhere(
    source: MutantSource, import_sets: Iterable[tuple[str, ...]], statements: Sequence[str]
) -> AvoidedStatements:
    """Elaborate the statements under each import set; without one they count as texts only.

    Raises:
        BackendUnavailable: the machine failed.
    """
    shapes = (read_avoided(source, imports, statements).shapes for imports in import_sets)
    texts = frozenset(map(normal_text, statements))
    return AvoidedStatements(texts, frozenset().union(*shapes))
