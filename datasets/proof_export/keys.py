"""64-bit keys of each theorem, by which families, duplicates and leaks are found.

Texts are not kept, so a million theorems take some 60 MB. Two different texts have the same key
with a chance of 2^-64; among ten million of them a single such pair has one of about 1 in 400,000.
"""

from __future__ import annotations

import hashlib
from array import array
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aludel.lean_checker.avoided import normal_text
from aludel.proof_export.feeds import Theorem

Keys: TypeAlias = NDArray[np.int64]
"""One key a theorem; 0 stands for nothing known."""

Indices: TypeAlias = NDArray[np.integer[Any]]
"""Row numbers of theorems."""

NONE = 0
_CHUNK = 2**16


class KeyTable:
    """The keys of theorems, in the order in which they were added."""

    def __init__(self) -> None:
        self._names = array("q")
        self._targets = array("q")
        self._terms = array("q")
        self._shapes = array("q")
        self._texts = array("q")
        self._lemmas = array("q")
        self._lemma_owners = array("i")

    def __len__(self) -> int:
        return len(self._names)

    def add(self, theorem: Theorem) -> None:
        """Remember one theorem."""
        parents = theorem.parents
        for lemma in parents[1:]:
            self._lemmas.append(_parent_key(lemma))
            self._lemma_owners.append(len(self._names))
        self._names.append(stable_key(theorem.name))
        self._targets.append(_parent_key(parents[0]) if parents else NONE)
        self._terms.append(hash(theorem.term_hash) if theorem.term_hash else NONE)
        self._shapes.append(hash(theorem.shape_hash) if theorem.shape_hash else NONE)
        self._texts.append(hash(normal_text(theorem.statement)))

    @property
    def names(self) -> Keys:
        """Of the theorems' names; the same in every process."""
        return _view(self._names)

    @property
    def targets(self) -> Keys:
        """Of the names of what the theorems were made from."""
        return _view(self._targets)

    @property
    def same(self) -> dict[str, Keys]:
        """Of what makes two theorems duplicates, by what that is."""
        texts, terms, shapes = self._texts, self._terms, self._shapes
        return {"text": _view(texts), "term": _view(terms), "shape": _view(shapes)}

    @property
    def lemmas(self) -> tuple[Indices, Keys]:
        """The further parents: which theorem has it, and the key of its name."""
        return np.frombuffer(self._lemma_owners, dtype=np.int32), _view(self._lemmas)


class NameIndex:
    """Finds theorems by the keys of their names."""

    def __init__(self, names: Keys) -> None:
        self._order = np.argsort(names, kind="stable").astype(np.int32)
        self._sorted = names[self._order]

    def find(self, keys: Keys) -> Indices:
        """Return the first theorem of each name, -1 where there is none."""
        found = np.full(len(keys), -1, dtype=np.int32)
        if not len(self._sorted):
            return found
        for start in range(0, len(keys), _CHUNK):
            part = keys[start : start + _CHUNK]
            at = np.minimum(np.searchsorted(self._sorted, part), len(self._sorted) - 1)
            found[start : start + _CHUNK] = np.where(self._sorted[at] == part, self._order[at], -1)
        return found


def stable_key(text: str) -> int:
    """Return a key that is the same in every process, unlike ``hash``."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


@lru_cache(maxsize=4_096)
def _parent_key(name: str) -> int:
    """Return the key of a name that many theorems in a row may have as parent."""
    return stable_key(name)


def _view(keys: array[int]) -> Keys:
    return np.frombuffer(keys, dtype=np.int64)
