"""Families: theorems that must share a split, since each could give another one away."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from aludel.proof_export.keys import NONE, Indices, Keys, KeyTable, NameIndex


def families(keys: KeyTable, also: Keys | None = None) -> Indices:
    """Return each theorem's family, as the row of the family's first theorem.

    A family is closed under all of these: what a theorem was made from, and every other theorem
    made from that; a lemma of its making that is among the theorems itself; the same text, term or
    shape. Library theorems link their variants, though they are no rows themselves.

    Args:
        keys: the theorems.
        also: one more key of each; theorems that share it are one family too.
    """
    labels: Indices = np.arange(len(keys), dtype=np.int32)
    for first, second in _links(keys, also):
        labels = _joined(labels, first, second)
    return labels


def _links(keys: KeyTable, also: Keys | None) -> Iterator[tuple[Indices, Indices]]:
    yield _equal(np.concatenate([keys.names, keys.targets]), len(keys))
    for same in (*keys.same.values(), *(() if also is None else (also,))):
        yield _equal(same, len(keys))
    owners, lemmas = keys.lemmas
    found = NameIndex(keys.names).find(lemmas)
    yield owners[found >= 0], found[found >= 0]


def _equal(keys: Keys, theorems: int) -> tuple[Indices, Indices]:
    """Return a pair of theorems for every two keys that are equal and next to each other, sorted.

    Keys are of the theorems in order, once or several times over.
    """
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    at = np.flatnonzero((ordered[1:] == ordered[:-1]) & (ordered[1:] != NONE))
    owners = (order % theorems).astype(np.int32)
    return owners[at], owners[at + 1]


def _joined(labels: Indices, first: Indices, second: Indices) -> Indices:
    """Join the families of each pair; a family keeps its smallest row as label."""
    while True:
        one, other = labels[first], labels[second]
        apart = one != other
        if not apart.any():
            return labels
        first, second, one, other = first[apart], second[apart], one[apart], other[apart]
        np.minimum.at(labels, np.maximum(one, other), np.minimum(one, other))
        while not np.array_equal(jumped := labels[labels], labels):
            labels = jumped
