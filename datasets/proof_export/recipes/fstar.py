"""Recipe ``fstar``: attempts on F* definitions, under the names of PoPAI's fields.

Fields that need F*'s elaborated terms are in a project's own extraction, not in attempts; they are
left out rather than guessed.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from aludel.fstar_checker.vconfig import REPLAYED, from_options
from aludel.models import FStarContext, canonical_json
from aludel.proof_export.attempts_feed import ATTEMPTS, RunAttempt
from aludel.proof_export.recipes.attempts import shown
from aludel.proof_export.recipes.base import Recipe
from aludel.proof_export.rows import Int64, Row


class FStarRow(Row):
    """A definition at a given type, as a generator wrote it, with F*'s verdict."""

    name: str = Field(description="Full name of the definition.")
    file_name: str = Field(description="File of its module.")
    opens_and_abbrevs: str = Field(description="PoPAI's list as JSON, innermost first.")
    options: tuple[str, ...] = Field(description="Command-line options in force.")
    vconfig: str | None = Field(
        description="PoPAI's record of them as JSON; null where one of them has no field there."
    )
    file_context: str = Field(description="Text of the module before the definition.")
    source_type: str = Field(description="The `val` that it must satisfy.")
    source_definition: str = Field(description="The candidate: what was written for it.")
    isa_accepted: bool = Field(description="Whether F* accepted it.")
    verdict: str = Field(description="`accepted`, `rejected` or `undecided`.")
    reason: str | None = Field(description="Why it was rejected or undecided.")
    diagnostics: tuple[str, ...] = Field(
        description="What F* said: `severity line:column: message`."
    )
    run: str = Field(description="Name of the run of attempts.")
    generator: str = Field(description="What proposed it, with its model.")
    position: Int64 = Field(description="Which sample of its problem, from 0.")
    round: Int64 = Field(description="How often it was mended before.")
    verdict_hash: str = Field(description="Content hash of the check; equal candidates share it.")
    toolchain_digest: str = Field(description="SHA-256 of the toolchain that judged it.")


def _opened(entry: str) -> dict[str, str]:
    abbrev, _, module = entry.rpartition("=")
    return {"abbrev": abbrev, "full_module": module} if abbrev else {"open": module}


def _vconfig(options: tuple[str, ...]) -> str | None:
    if {word for word in options if word.startswith("--")} - set(REPLAYED.values()):
        return None
    return from_options(options).model_dump_json(exclude_none=True)


def _rows(record: RunAttempt) -> Iterable[FStarRow]:
    attempt = record.attempt
    candidate, verdict = attempt.candidate, attempt.verdict
    context = candidate.context
    if not isinstance(context, FStarContext):
        return
    module = context.module or attempt.problem.rpartition(".")[0]
    yield FStarRow(
        name=attempt.problem,
        file_name=f"{module}.fst",
        opens_and_abbrevs=canonical_json([_opened(o) for o in reversed(context.opens)]),
        options=context.options,
        vconfig=_vconfig(context.options),
        file_context=context.prefix,
        source_type=candidate.statement or "",
        source_definition=candidate.code,
        isa_accepted=verdict.kind == "accepted",
        verdict=verdict.kind,
        reason=verdict.reason,
        diagnostics=tuple(map(shown, verdict.diagnostics)),
        run=record.run,
        generator=record.plan.generator,
        position=attempt.position,
        round=attempt.round,
        verdict_hash=verdict.hash,
        toolchain_digest=record.plan.toolchain_digest,
    )


RECIPE = Recipe(
    name="fstar",
    summary="Attempts on F* definitions, under the names of PoPAI's fields.",
    feed=ATTEMPTS,
    row=FStarRow,
    rows=_rows,
)
