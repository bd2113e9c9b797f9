"""The feed of lineages: variants with their ancestors, siblings and families."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

import numpy as np

from aludel.proof_export.families import families
from aludel.proof_export.feeds import VARIANTS, Feed, Theorem, derived_feed
from aludel.proof_export.keys import Indices, Keys, KeyTable
from aludel.records import VariantRecord

_SCHEMA = """
    create table parent (toolchain text, name text, target text, primary key (toolchain, name))
    without rowid
"""
_ANCESTORS = """
    with recursive up(depth, name) as (
        select 1, ?2
        union all
        select up.depth + 1, parent.target from up
        join parent on parent.toolchain = ?1 and parent.name = up.name
        where up.depth < 1000
    )
    select name from up order by depth
"""


@dataclass(frozen=True, slots=True)
class Ancestry:
    """A variant among the others of its corpus.

    Attributes:
        variant: the variant.
        ancestors: what it was made from, what that was made from, and so on up to the library.
        siblings: other variants made from the same theorem.
        family: key of its family, the same for all that must be in one split.
    """

    variant: VariantRecord
    ancestors: tuple[str, ...]
    siblings: int
    family: str


def lineages(
    read: Callable[[], Iterable[VariantRecord]], also: Iterable[Theorem] = ()
) -> Iterator[Ancestry]:
    """Yield the variants with their lineages, in order; memory holds keys, a temporary file names.

    Args:
        read: begins to read the variants; called twice.
        also: further theorems that make families, such as the problems of attempts.
    """
    with closing(sqlite3.connect("")) as names:  # a file of its own that goes when it is closed
        names.execute(_SCHEMA)
        keys = KeyTable()
        rows = (_noted(variant, keys) for variant in read())
        names.executemany("insert or ignore into parent values (?, ?, ?)", rows)
        count = len(keys)
        for theorem in also:
            keys.add(theorem)
        named, siblings = _families(keys, count)
        for at, variant in enumerate(islice(read(), count)):
            target = variant.parents[0] if variant.parents else None
            found = names.execute(_ANCESTORS, (variant.toolchain_digest, target)).fetchall()
            ancestors = tuple(name for (name,) in found if name is not None)
            yield Ancestry(variant, ancestors, int(siblings[at]), f"{int(named[at]) % 2**64:016x}")


def _noted(variant: VariantRecord, keys: KeyTable) -> tuple[str, str, str | None]:
    keys.add(variant)
    target = variant.parents[0] if variant.parents else None
    return variant.toolchain_digest, variant.name, target


def _families(keys: KeyTable, count: int) -> tuple[Keys, Indices]:
    """Return each variant's family, by the smallest key of a name in it, and its siblings."""
    labels = families(keys)
    smallest = np.full(len(keys), np.iinfo(np.int64).max)
    np.minimum.at(smallest, labels, keys.names)
    _, group, sizes = np.unique(keys.targets[:count], return_inverse=True, return_counts=True)
    siblings = np.where(keys.targets[:count] == 0, 0, sizes[group] - 1)
    return smallest[labels[:count]], siblings


LINEAGES: Feed[Ancestry] = derived_feed(
    name="lineages",
    noun="variant",
    missing=VARIANTS.missing,
)
"""Variants again, each with what its name alone does not tell."""
