"""Recipe ``lineage``: each variant with its ancestors, siblings and family."""

from __future__ import annotations

from pydantic import Field

from aludel.proof_export.lineage_feed import LINEAGES, Ancestry
from aludel.proof_export.recipes.base import Recipe
from aludel.proof_export.rows import Int64, Row, as_text


class LineageRow(Row):
    """The relations of a variant, without its text."""

    name: str = Field(description="Name of the variant; one toolchain has it once.")
    parents: tuple[str, ...] = Field(description="The target first, then the lemma.")
    ancestors: tuple[str, ...] = Field(
        description="The target, what that was made from, and so on; a library theorem last."
    )
    round: Int64 = Field(description="1 for variants of library theorems, 2 for theirs, and so on.")
    siblings: Int64 = Field(description="Other exported variants with the same target.")
    family: str = Field(description="The same for all variants that one split must hold.")
    rule: str = Field(description="Operation that made it.")
    term_hash: str = Field(description="Hash of the statement's term, binder names left out.")
    shape_hash: str = Field(description="The same for any order of the hypotheses.")
    toolchain_digest: str = Field(description="SHA-256 of the toolchain that accepted it.")


def _rows(record: Ancestry) -> tuple[LineageRow]:
    variant = record.variant
    return (
        LineageRow(
            name=variant.name,
            parents=variant.parents,
            ancestors=record.ancestors,
            round=variant.round,
            siblings=record.siblings,
            family=f"f{record.family}",
            rule=variant.rule,
            term_hash=as_text(variant.term_hash),
            shape_hash=as_text(variant.shape_hash),
            toolchain_digest=variant.toolchain_digest,
        ),
    )


RECIPE = Recipe(
    name="lineage",
    summary="Parents, ancestors, siblings and family of every variant.",
    feed=LINEAGES,
    row=LineageRow,
    rows=_rows,
)
