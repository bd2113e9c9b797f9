"""Recipe ``preference``: accepted and rejected answers to one question, for DPO and its kin."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

from pydantic import Field

from aludel.models import LeanContext
from aludel.proof_export.attempts_feed import TRIED_PROBLEMS, RunAttempt, TriedProblem
from aludel.proof_export.chats import TEMPLATE, Messages, answered, asked
from aludel.proof_export.recipes.base import Recipe
from aludel.proof_export.rows import Int64, Row


class PreferenceRow(Row):
    """Two answers to one question; a third kind, the undecided ones, is in no row."""

    name: str = Field(description="Name of the problem; it may have several pairs.")
    pair: Int64 = Field(description="Which pair of its problem in the run, from 0.")
    prompt: Messages = Field(description="`system` and `user`: what was to be proved.")
    chosen: Messages = Field(description="`assistant`: a candidate that was accepted.")
    rejected: Messages = Field(
        description="`assistant`: one that was rejected, which an undecided one is not."
    )
    template: str = Field(description=f"Name and version of the prompt: `{TEMPLATE.name}`.")
    statement: str = Field(description="What was to be proved.")
    imports: tuple[str, ...] = Field(description="Modules both were checked under.")
    reason: str = Field(description="Why the rejected one was rejected.")
    run: str = Field(description="Run of attempts that both are of.")
    generator: str = Field(description="What proposed both, with its model.")
    chosen_hash: str = Field(description="Content hash of the check that accepted.")
    rejected_hash: str = Field(description="Content hash of the check that rejected.")
    toolchain_digest: str = Field(description="SHA-256 of the toolchain that judged both.")


def _rows(record: TriedProblem) -> Iterator[PreferenceRow]:
    first = record.attempts[0].attempt.candidate
    context, statement = first.context, first.statement
    if not isinstance(context, LeanContext) or not statement:
        return
    imports = context.imports or ()
    prompt = asked(statement, imports)
    good = _texts(record, "accepted")
    refused = _texts(record, "rejected")
    bad = {text: one for text, one in refused.items() if text not in good}
    for number, (chosen, rejected) in enumerate(zip(cycle(good.values()), bad.values())):
        yield PreferenceRow(
            name=record.problem,
            pair=number,
            prompt=prompt,
            chosen=(answered(chosen.attempt.candidate.code),),
            rejected=(answered(rejected.attempt.candidate.code),),
            template=TEMPLATE.name,
            statement=statement,
            imports=imports,
            reason=rejected.attempt.verdict.reason or "",
            run=record.run,
            generator=chosen.plan.generator,
            chosen_hash=chosen.attempt.verdict.hash,
            rejected_hash=rejected.attempt.verdict.hash,
            toolchain_digest=chosen.plan.toolchain_digest,
        )


def _texts(record: TriedProblem, kind: str) -> dict[str, RunAttempt]:
    """Return the attempts with a verdict by their text, equal texts once."""
    found: dict[str, RunAttempt] = {}
    for one in record.attempts:
        if one.attempt.verdict.kind == kind:
            found.setdefault(one.attempt.candidate.code, one)
    return found


RECIPE = Recipe(
    name="preference",
    summary="Accepted and rejected attempts on one problem, in pairs, for preference training.",
    feed=TRIED_PROBLEMS,
    row=PreferenceRow,
    rows=_rows,
    by_default=False,
)
