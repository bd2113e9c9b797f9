"""Recipe ``sft``: a tactic state as prompt, the tactic as completion."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from aludel.proof_export.recipes.base import Recipe
from aludel.proof_export.rows import Int64, Row
from aludel.proof_export.states_feed import PROOF_STATES, TracedVariant


class SftRow(Row):
    """One tactic of a proof that the prover accepted."""

    name: str = Field(description="Name of the theorem; one toolchain has it once.")
    step: Int64 = Field(description="Which tactic of its proof, from 0, in the order of the text.")
    prompt: str = Field(description="Goals before the tactic, the first is worked on.")
    completion: str = Field(description="The tactic, moved to the margin.")
    state_after: str = Field(description="Goals that it left of those; empty when it closed them.")
    goals_before: Int64 = Field(description="Number of goals before.")
    goals_after: Int64 = Field(description="Number of goals after.")
    depth: Int64 = Field(description="0 for the proof's own tactics, 1 for those inside one.")
    parent_step: Int64 | None = Field(description="The step that it is inside of, if one.")
    premises: tuple[str, ...] = Field(description="Constants that the tactic names.")
    premise_modules: tuple[str, ...] = Field(
        description="Modules that declare them; empty for the candidate's own."
    )
    statement: str = Field(description="Header of the theorem.")
    parents: tuple[str, ...] = Field(description="Lineage: the target first, then the lemma.")
    imports: tuple[str, ...] = Field(description="Modules under which the proof is accepted.")
    verdict_hash: str = Field(description="Content hash of the check that accepted the proof.")
    toolchain_digest: str = Field(description="SHA-256 of the toolchain that accepted it.")


def _rows(record: TracedVariant) -> Iterator[SftRow]:
    variant = record.variant
    for number, step in enumerate(record.trace.steps):
        yield SftRow(
            name=variant.name,
            step=number,
            prompt="\n\n".join(step.before),
            completion=step.script,
            state_after="\n\n".join(step.after),
            goals_before=len(step.before),
            goals_after=len(step.after),
            depth=step.depth,
            parent_step=step.parent,
            premises=tuple(premise.name for premise in step.premises),
            premise_modules=tuple(premise.module or "" for premise in step.premises),
            statement=variant.statement,
            parents=variant.parents,
            imports=variant.imports,
            verdict_hash=variant.verdict_hash,
            toolchain_digest=variant.toolchain_digest,
        )


RECIPE = Recipe(
    name="sft",
    summary="Tactic state as prompt and tactic as completion, for supervised fine-tuning.",
    feed=PROOF_STATES,
    row=SftRow,
    rows=_rows,
)
