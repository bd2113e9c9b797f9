"""Splits of definitions by project and by file, with near duplicates kept together."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from aludel.fstar_checker.dataset import Definition
from aludel.fstar_checker.lexer import Kind, code_tokens

SHINGLE = 4
_CLOSED = (Kind.KEYWORD, Kind.SYMBOL)


@dataclass(frozen=True)
class Splits:
    """Definitions by use. ``cross_project`` shares no project with the others, ``intra_project`` no
    file with ``train`` and ``valid``."""

    train: tuple[Definition, ...]
    valid: tuple[Definition, ...]
    intra_project: tuple[Definition, ...]
    cross_project: tuple[Definition, ...]


@dataclass(frozen=True)
class Clone:
    """A test definition and the training definition that it resembles most."""

    test: str
    train: str
    similarity: float


def split(
    definitions: Iterable[Definition],
    held_out_projects: frozenset[str],
    *,
    valid_percent: int = 5,
    test_percent: int = 20,
    seed: int = 0,
) -> Splits:
    """Split by project, then by file; deterministic for ``seed``, whatever the order of the input.

    Args:
        held_out_projects: projects that only ``cross_project`` may hold.
        valid_percent: share of the remaining files for ``valid``.
        test_percent: share of the remaining files for ``intra_project``.
        seed: changes which files go where.
    """
    parts: dict[str, list[Definition]] = defaultdict(list)
    for definition in sorted(definitions, key=lambda d: (d.file_name, d.name)):
        if definition.project_name in held_out_projects:
            parts["cross"].append(definition)
            continue
        key = f"{seed}:{definition.project_name}:{definition.file_name}"
        draw = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % 100
        if draw < test_percent:
            parts["intra"].append(definition)
        elif draw < test_percent + valid_percent:
            parts["valid"].append(definition)
        else:
            parts["train"].append(definition)
    return Splits(*(tuple(parts[p]) for p in ("train", "valid", "intra", "cross")))


def near_clones(
    train: Iterable[Definition], test: Iterable[Definition], threshold: float = 0.8
) -> list[Clone]:
    """Report test definitions whose code resembles a training one, most alike first.

    Similarity is the Jaccard index of runs of four tokens, with identifiers numbered by first
    occurrence, so that renaming hides nothing.
    """
    index: dict[tuple[str, ...], list[int]] = defaultdict(list)
    known = [(d.name, _shingles(d)) for d in train]
    for number, (_, shingles) in enumerate(known):
        for shingle in shingles:
            index[shingle].append(number)
    found = []
    for definition in test:
        shingles = _shingles(definition)
        shared: dict[int, int] = defaultdict(int)
        for shingle in shingles:
            for number in index.get(shingle, ()):
                shared[number] += 1
        best = max(
            ((n / len(shingles | known[i][1]), known[i][0]) for i, n in shared.items()),
            default=(0.0, ""),
        )
        if best[0] >= threshold:
            found.append(Clone(definition.name, best[1], best[0]))
    return sorted(found, key=lambda c: (-c.similarity, c.test))


def _shingles(definition: Definition) -> frozenset[tuple[str, ...]]:
    numbers: dict[str, str] = {}
    words = []
    for token in code_tokens(definition.source_definition or definition.definition or ""):
        if token.kind in _CLOSED:
            words.append(token.text)
        else:
            words.append(numbers.setdefault(token.text, f"${len(numbers)}"))
    if len(words) < SHINGLE:
        return frozenset([tuple(words)]) if words else frozenset()
    return frozenset(tuple(words[i : i + SHINGLE]) for i in range(len(words) - SHINGLE + 1))
