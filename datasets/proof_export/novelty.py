"""Novel premises: the choice of families to hold out, each of which uses an unseen premise."""

from __future__ import annotations

import numpy as np

from aludel.proof_export.keys import NONE, Indices, Keys, KeyTable, NameIndex

_MAX_DEPTH = 1_000


def premises(keys: KeyTable) -> tuple[Indices, Keys]:
    """Return the library theorems that each theorem rests on: owners, and keys of the names.

    These are the library theorem at the root of its lineage, and every lemma of its own making
    that is none of the theorems. Lemmas of its ancestors are theirs.
    """
    index = NameIndex(keys.names)
    owners, lemmas = keys.lemmas
    library = index.find(lemmas) < 0
    roots = _roots(keys, index)
    known = roots != NONE
    rows = np.arange(len(keys))
    return (
        np.concatenate([rows[known], owners[library]]),
        np.concatenate([roots[known], lemmas[library]]),
    )


def _roots(keys: KeyTable, index: NameIndex) -> Keys:
    """Return the key of each theorem's library theorem, following what it was made from."""
    parent = index.find(keys.targets)
    at = np.arange(len(keys))
    for _ in range(_MAX_DEPTH):
        up = parent[at]
        if (up < 0).all():
            break
        at = np.where(up >= 0, up, at)
    return keys.targets[at]


def novel_families(keys: KeyTable, member: Indices, order: list[int], limit: int) -> list[int]:
    """Return families that may be held out together, of ``limit`` theorems at most.

    When all of them are held out, each of their theorems uses at least one premise that no theorem
    outside uses. Taking one more family out only makes more premises novel, so families are taken
    one by one, over and over, until no further one can be.

    Args:
        keys: the theorems.
        member: the family of each.
        order: the order in which families are tried.
        limit: theorems to hold out at most.
    """
    owners, used = premises(keys)
    _, used = np.unique(used, return_inverse=True)
    by_family = np.lexsort((owners, member[owners]))
    owners, used = owners[by_family], used[by_family]
    starts = np.searchsorted(member[owners], np.arange(len(order) + 1))
    pairs = np.unique(used * len(order) + member[owners])
    outside = np.bincount(pairs // len(order), minlength=1)
    sizes = np.bincount(member)
    known = np.bincount(member[np.unique(owners)], minlength=len(sizes)) == sizes
    waiting = [family for family in order if known[family]]
    held: list[int] = []
    grown = True
    while grown:
        grown, rest = False, []
        for family in waiting:
            span = slice(starts[family], starts[family + 1])
            if sizes[family] > limit or not _all_novel(outside[used[span]], owners[span]):
                rest.append(family)
                continue
            held.append(family)
            limit -= int(sizes[family])
            outside[np.unique(used[span])] -= 1
            grown = True
        waiting = rest
    return held


def _all_novel(families_using: Indices, owners: Indices) -> bool:
    """Whether each theorem has a premise that only its own family uses, of those outside."""
    first = np.flatnonzero(np.diff(owners, prepend=-1))
    return bool(np.logical_or.reduceat(families_using == 1, first).all())
