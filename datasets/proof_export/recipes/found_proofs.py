"""Recipe ``found_proofs``: accepted attempts in the form of ``whole_proof``."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from aludel.models import LeanContext
from aludel.proof_export.attempts_feed import ATTEMPTS, RunAttempt
from aludel.proof_export.recipes.base import Recipe
from aludel.proof_export.rows import Int64, Row


class FoundProofRow(Row):
    """A proof that a generator found; prompt and completion together are what was checked."""

    name: str = Field(description="Name of the problem; it may have several proofs.")
    prompt: str = Field(description="The declaration up to its `:=`.")
    completion: str = Field(description="The proof, with a space before it and a line's end after.")
    statement: str = Field(description="Header of the declaration alone.")
    imports: tuple[str, ...] = Field(description="Modules under which it is accepted.")
    run: str = Field(description="Run of attempts that found it.")
    generator: str = Field(description="What proposed it, with its model.")
    position: Int64 = Field(description="Which sample of its problem, from 0.")
    round: Int64 = Field(description="How often it was mended before.")
    verdict_hash: str = Field(description="Content hash of the check; equal candidates share it.")
    toolchain_digest: str = Field(description="SHA-256 of the toolchain that accepted it.")


def _rows(record: RunAttempt) -> Iterator[FoundProofRow]:
    attempt = record.attempt
    candidate, context = attempt.candidate, attempt.candidate.context
    prompt = f"{(candidate.statement or '').rstrip()} :="
    if attempt.verdict.kind != "accepted" or not isinstance(context, LeanContext):
        return
    # A candidate that declares more than its theorem continues no prompt; `attempts` has it.
    if not candidate.code.startswith(prompt):
        return
    yield FoundProofRow(
        name=attempt.problem,
        prompt=prompt,
        completion=candidate.code[len(prompt) :],
        statement=candidate.statement or "",
        imports=context.imports or (),
        run=record.run,
        generator=record.plan.generator,
        position=attempt.position,
        round=attempt.round,
        verdict_hash=attempt.verdict.hash,
        toolchain_digest=record.plan.toolchain_digest,
    )


RECIPE = Recipe(
    name="found_proofs",
    summary="Accepted attempts as prompt and completion, for expert iteration.",
    feed=ATTEMPTS,
    row=FoundProofRow,
    rows=_rows,
)
