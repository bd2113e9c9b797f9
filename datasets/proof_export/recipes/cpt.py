"""Recipe ``cpt``: statement and proof as one text, for continued pre-training."""

from __future__ import annotations

from pydantic import Field

from aludel.proof_export.feeds import VARIANTS
from aludel.proof_export.recipes.base import Recipe
from aludel.proof_export.rows import Row
from aludel.records import VariantRecord


class CptRow(Row):
    """A theorem with its proof as plain text."""

    name: str = Field(description="Name of the theorem; one toolchain has it once.")
    text: str = Field(description="The whole declaration, as the prover accepted it.")
    imports: tuple[str, ...] = Field(description="Modules under which the text is accepted.")
    toolchain_digest: str = Field(description="SHA-256 of the toolchain that accepted it.")


def _rows(record: VariantRecord) -> tuple[CptRow]:
    return (
        CptRow(
            name=record.name,
            text=record.code,
            imports=record.imports,
            toolchain_digest=record.toolchain_digest,
        ),
    )


RECIPE = Recipe(
    name="cpt",
    summary="Statement and proof as one text, for continued pre-training.",
    feed=VARIANTS,
    row=CptRow,
    rows=_rows,
)
