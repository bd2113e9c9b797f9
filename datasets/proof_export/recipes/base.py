"""The recipe: a function from one record to rows of one type."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from aludel.proof_export.feeds import Feed
from aludel.proof_export.rows import Row

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Recipe(Generic[R]):
    """One way of turning records into training rows.

    Attributes:
        name: name on the command line, in the folder and as the dataset's configuration.
        summary: one sentence for the card.
        feed: the kind of record that it reads.
        row: type of the rows.
        rows: makes the rows of one record; a record may give none or several.
        by_default: whether it is made without being named. Those that say once more what another
            recipe has, in the columns of one trainer, are not.
    """

    name: str
    summary: str
    feed: Feed[R]
    row: type[Row]
    rows: Callable[[R], Iterable[Row]]
    by_default: bool = True
