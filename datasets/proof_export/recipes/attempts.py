"""Recipe ``attempts``: all candidates with their verdicts, for preferences, reranking and RL."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from aludel.models import Diagnostic, LeanContext, Verdict, canonical_json
from aludel.proof_export.attempts_feed import ATTEMPTS, RunAttempt
from aludel.proof_export.recipes.base import Recipe
from aludel.proof_export.rows import Int64, Row


class ExportedAttempt(Row):
    """One candidate, accepted or not, with its verdict and what it cost."""

    run: str = Field(description="Name of the run of attempts.")
    generator: str = Field(description="What proposed it, with its model.")
    settings: str = Field(description="What its proposals depend on besides, as JSON.")
    search: Literal["sample", "best_first"] = Field(description="Whole proofs, or a search.")
    seed: Int64 = Field(description="Seed of the run.")
    problem: str = Field(description="Name of what was to be proved.")
    statement: str | None = Field(description="What was to be proved.")
    prover: Literal["lean", "fstar"] = Field(description="Which proof assistant judged it.")
    imports: tuple[str, ...] = Field(description="Modules it was checked under; none for F*.")
    context: str = Field(description="Everything it was checked under, as JSON.")
    position: Int64 = Field(description="Which sample of its problem, from 0.")
    round: Int64 = Field(description="How often it was mended before.")
    code: str = Field(description="The whole candidate, as it was checked.")
    accepted: bool = Field(description="Whether the verdict is `accepted`.")
    verdict: Literal["accepted", "rejected", "undecided"] = Field(description="The verdict.")
    reason: str | None = Field(description="Why it was rejected or undecided.")
    message: str | None = Field(description="The same in a sentence, where there is one.")
    diagnostics: tuple[str, ...] = Field(
        description="What the prover said: `severity line:column: message`."
    )
    axioms: tuple[str, ...] = Field(description="Axioms that an accepted one rests on.")
    verdict_hash: str = Field(description="Content hash of the check; equal candidates share it.")
    prompt_hash: str | None = Field(description="SHA-256 of the prompt.")
    prompt_tokens: Int64 = Field(description="Tokens of the prompt, on the call's first sample.")
    completion_tokens: Int64 = Field(description="Tokens of the call's answers, likewise.")
    price: float = Field(description="Cost of the call in its price list's currency, likewise.")
    generator_wall_s: float = Field(description="Seconds the generator took, likewise.")
    check_wall_s: float = Field(description="Seconds the check took when it was first made.")
    toolchain_digest: str = Field(description="SHA-256 of the toolchain that judged it.")


def shown(diagnostic: Diagnostic) -> str:
    """Return a diagnostic on one place of the candidate as text."""
    at = diagnostic.start
    place = f" {at.line}:{at.column}" if at else ""
    return f"{diagnostic.severity.value}{place}: {diagnostic.message}"


def _judged(verdict: Verdict) -> dict[str, Any]:
    return {
        "accepted": verdict.kind == "accepted",
        "verdict": verdict.kind,
        "reason": verdict.reason,
        "message": verdict.message,
        "diagnostics": tuple(map(shown, verdict.diagnostics)),
        "axioms": verdict.axioms,
        "verdict_hash": verdict.hash,
        "check_wall_s": verdict.usage.wall_s,
    }


def _rows(record: RunAttempt) -> tuple[ExportedAttempt]:
    attempt, plan = record.attempt, record.plan
    candidate = attempt.candidate
    context = candidate.context
    return (
        ExportedAttempt(
            run=record.run,
            generator=plan.generator,
            settings=canonical_json(plan.settings),
            search=plan.search,
            seed=plan.seed,
            problem=attempt.problem,
            statement=candidate.statement,
            prover=context.prover.value,
            imports=context.imports or () if isinstance(context, LeanContext) else (),
            context=canonical_json(context.model_dump(mode="json")),
            position=attempt.position,
            round=attempt.round,
            code=candidate.code,
            **_judged(attempt.verdict),
            prompt_hash=attempt.prompt_hash,
            prompt_tokens=attempt.prompt_tokens,
            completion_tokens=attempt.completion_tokens,
            price=attempt.price,
            generator_wall_s=attempt.wall_s,
            toolchain_digest=plan.toolchain_digest,
        ),
    )


RECIPE = Recipe(
    name="attempts",
    summary="All candidates with verdicts and diagnostics: preference pairs, reranking, RL.",
    feed=ATTEMPTS,
    row=ExportedAttempt,
    rows=_rows,
)
