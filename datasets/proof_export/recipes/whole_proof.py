"""Recipe ``whole_proof``: a statement as prompt, its proof as completion."""

from __future__ import annotations

from pydantic import Field

from aludel.proof_export.feeds import VARIANTS
from aludel.proof_export.recipes.base import Recipe
from aludel.proof_export.rows import Row
from aludel.records import VariantRecord


class WholeProofRow(Row):
    """A theorem divided after its ``:=``; prompt and completion together are what was checked."""

    name: str = Field(description="Name of the theorem; one toolchain has it once.")
    prompt: str = Field(description="The declaration up to its `:=`, its ancestors before it.")
    completion: str = Field(description="The proof, with a space before it and a line's end after.")
    statement: str = Field(description="Header of the declaration alone.")
    parents: tuple[str, ...] = Field(description="Lineage: the target first, then the lemma.")
    imports: tuple[str, ...] = Field(description="Modules under which it is accepted.")
    toolchain_digest: str = Field(description="SHA-256 of the toolchain that accepted it.")


def _rows(record: VariantRecord) -> tuple[WholeProofRow]:
    return (
        WholeProofRow(
            name=record.name,
            prompt=f"{record.preamble}{record.statement} :=",
            completion=f" {record.proof}\n",
            statement=record.statement,
            parents=record.parents,
            imports=record.imports,
            toolchain_digest=record.toolchain_digest,
        ),
    )


RECIPE = Recipe(
    name="whole_proof",
    summary="Statement as prompt and whole proof as completion, for supervised fine-tuning.",
    feed=VARIANTS,
    row=WholeProofRow,
    rows=_rows,
)
