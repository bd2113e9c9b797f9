"""What a recipe is: how a variant becomes rows of one type."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aludel.records import VariantRecord
from proof_export.rows import Row


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way of turning records into training rows.

    Attributes:
        name: name on the command line, in the folder and as the dataset's configuration.
        summary: one sentence for the card.
        row: type of the rows.
        rows: makes the rows of one record; a record may give none or several.
    """

    name: str
    summary: str
    row: type[Row]
    rows: Callable[[VariantRecord], Iterable[Row]]
