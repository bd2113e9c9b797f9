"""Recipe ``variants``: everything known about a variant, its lineage and its cost."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aludel.proof_export.feeds import VARIANTS
from aludel.proof_export.recipes.base import Recipe
from aludel.proof_export.rows import Int64, Row, as_text
from aludel.records import VariantFacts, VariantRecord


class _Columns(Row):
    """All fields of a variant record but its facts, with its text and its usage laid flat."""

    name: str = Field(description="Name of the variant; one toolchain has it once.")
    statement: str = Field(description="Header of the declaration, without its proof.")
    proof: str = Field(description="What follows `:=`.")
    code: str = Field(description="The whole declaration, as the prover accepted it.")
    rule: Literal["rw", "apply", "forward"] = Field(description="Operation that made it.")
    lemma: str = Field(description="Lemma that was rewritten with or applied.")
    direction: Literal["forward", "backward"] | None = Field(
        description="Left to right, or right to left, where the rule has a direction."
    )
    position: Literal["goal", "hypothesis"] = Field(description="What was rewritten.")
    hypothesis: str | None = Field(description="Name of the rewritten hypothesis, if one.")
    parents: tuple[str, ...] = Field(description="Lineage: the target first, then the lemma.")
    round: Int64 = Field(description="1 for variants of library theorems, 2 for theirs, and so on.")
    imports: tuple[str, ...] = Field(description="Modules under which it is accepted.")
    toolchain_digest: str = Field(description="SHA-256 of the toolchain that accepted it.")
    verdict_hash: str = Field(description="Content hash of the check that accepted it.")
    term_hash: str = Field(description="Hash of the statement's term, binder names left out.")
    shape_hash: str = Field(description="The same for any order of the hypotheses.")
    preamble: str = Field(description="Declarations the code begins with: the variant's ancestors.")
    usage_wall_s: float = Field(description="Wall time of building and checking, seconds.")
    usage_cpu_s: float | None = Field(description="CPU time, seconds.")
    usage_prover_s: float | None = Field(description="Time inside the prover, seconds.")
    usage_heartbeats: Int64 | None = Field(description="Heartbeats, thousands.")
    usage_peak_memory_mb: float | None = Field(description="Peak memory of the prover, 2^20 bytes.")
    usage_queue_s: float | None = Field(description="Time spent waiting, seconds.")


class ExportedVariant(VariantFacts, _Columns):
    """All fields of a variant record; its facts come last, in their own order."""


# Which process said something tells of a machine, not of a theorem.
_OF_MACHINES = ("process", "request")
_PLAIN = tuple(name for name in VariantRecord.model_fields if name not in ("usage", "facts"))


def _rows(record: VariantRecord) -> tuple[ExportedVariant]:
    plain = {name: getattr(record, name) for name in _PLAIN}
    plain |= {name: as_text(plain[name]) for name in ("term_hash", "shape_hash")}
    usage = {f"usage_{name}": value for name, value in record.usage if name not in _OF_MACHINES}
    return (ExportedVariant(code=record.code, **plain, **usage, **dict(record.facts)),)


RECIPE = Recipe(
    name="variants",
    summary="Everything known about a variant: text, lineage, what accepted it, what it cost.",
    feed=VARIANTS,
    row=ExportedVariant,
    rows=_rows,
)
