"""The quality report: recorded properties of the theorems, and leaks between splits.

Splits are drawn by families; this counts the leaks directly, by lineage and by duplicates, on what
was written.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aludel.proof_export.feeds import Theorem
from aludel.proof_export.keys import NONE, Indices, Keys, KeyTable, NameIndex
from aludel.proof_export.splitting import SPLITS, TRAIN
from aludel.records import VariantRecord

Flags: TypeAlias = NDArray[np.bool_]
"""Whether something holds of each theorem."""

FAULTS = {"trivial": "trivial", "vacuous": "vacuous", "unused_hypothesis": "unused_hypotheses"}
"""Faults for which ``aludel mutate`` searches, with the fact that tells of each."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Quality figures of the exported theorems.

    Attributes:
        theorems: by name, each once.
        faults: for each fault, theorems that have it and theorems that were searched for it.
        duplicates: theorems with the same text, term or shape as an earlier one, by which.
        leakage: for valid and test, and each kind of relation, theorems that have such a relative
            in train.
    """

    theorems: int = 0
    faults: dict[str, tuple[int, int]] = field(default_factory=dict)
    duplicates: dict[str, int] = field(default_factory=dict)
    leakage: dict[str, dict[str, int]] = field(default_factory=dict)


class Survey:
    """Remembers keys of the exported theorems and their splits."""

    def __init__(self) -> None:
        self._keys = KeyTable()
        self._codes = array("b")
        self._having: Counter[str] = Counter()
        self._searched: Counter[str] = Counter()

    def add(self, theorem: Theorem, split: str) -> None:
        """Take in the theorem of one record."""
        self._keys.add(theorem)
        self._codes.append(SPLITS.index(split))
        if isinstance(theorem, VariantRecord):
            for fault, fact in FAULTS.items():
                found = getattr(theorem.facts, fact)
                self._searched[fault] += found is not None
                self._having[fault] += bool(found)

    def quality(self) -> Quality:
        """Return what there is to say."""
        keys, codes = self._keys, np.frombuffer(self._codes, dtype=np.int8)
        theorems = len(keys) - _repeated(keys.names)
        once = slice(None) if theorems == len(keys) else np.unique(keys.names, return_index=True)[1]
        return Quality(
            theorems=theorems,
            faults={fault: (self._having[fault], self._searched[fault]) for fault in FAULTS},
            duplicates={what: _repeated(same[once]) for what, same in keys.same.items()},
            leakage={
                split: leakage(keys, codes == code, codes == TRAIN)
                for code, split in enumerate(SPLITS)
                if code != TRAIN and (codes == code).any()
            },
        )


def leakage(keys: KeyTable, held_out: Flags, train: Flags) -> dict[str, int]:
    """Count held-out theorems that have a relative in train.

    Args:
        keys: the theorems.
        held_out: which ones are held out.
        train: which ones are in train.

    Returns:
        Counts by relation: ``sibling`` (made from the same theorem), ``ancestor``, ``descendant``,
        and the same ``text``, ``term`` or ``shape``.
    """
    index = NameIndex(keys.names)
    owners, lemmas = keys.lemmas
    child = np.concatenate([np.arange(len(keys), dtype=np.int32), owners])
    parent = np.concatenate([index.find(keys.targets), index.find(lemmas)])
    child, parent = child[parent >= 0], parent[parent >= 0]
    return {
        "sibling": _shared(keys.targets, held_out, train),
        "ancestor": int(_reached(child, parent, train)[held_out].sum()),
        "descendant": int(_reached(parent, child, train)[held_out].sum()),
        **{what: _shared(same, held_out, train) for what, same in keys.same.items()},
    }


def _repeated(keys: Keys) -> int:
    """Count the theorems whose key an earlier one has."""
    known = np.sort(keys)
    return int(((known[1:] == known[:-1]) & (known[1:] != NONE)).sum())


def _shared(keys: Keys, held_out: Flags, train: Flags) -> int:
    """Count the held-out theorems with a key that one of train has."""
    known, asked = np.sort(keys[train]), keys[held_out]
    if not len(known):
        return 0
    at = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return int(((known[at] == asked) & (asked != NONE)).sum())


def _reached(start: Indices, end: Indices, train: Flags) -> Flags:
    """Flags of the theorems from which a path along the links leads to one of train."""
    reached = np.zeros(len(train), dtype=bool)
    while True:
        before = reached.copy()
        np.logical_or.at(reached, start, train[end] | before[end])
        if np.array_equal(reached, before):
            return reached
