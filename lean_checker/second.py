"""The authoritative tier: what the first process elaborated, checked again in a fresh one.

Only declarations travel, as data (``replay`` in ``docs/reference/lean-server-protocol.md``). The
fresh process elaborates the asked statement and nothing of the candidate's; its kernel accepts or
refuses the declarations in the import environment, and the same rules judge what it found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aludel.deadline import QUEUE_S, Deadline
from aludel.lean_checker.facts import CheckFacts, parse_facts
from aludel.lean_checker.policy import Finding, Question, judge, refusal
from aludel.lean_checker.pool import LeanPool
from aludel.models import Accepted, CheckRequest, LeanContext, UndecidedReason, Verdict

REPLAY_CHECK = "replay_in_fresh_process"


@dataclass(frozen=True)
class FirstTier:
    """What the first process gave: a verdict, and the declarations it rests on as data.

    ``native``: compiled code of the candidate ran in it, so that only a refusal may be believed.
    """

    verdict: Verdict
    facts: CheckFacts
    terms: dict[str, Any] | None
    native: bool = False

    @property
    def wants_native(self) -> bool:
        """Whether it stopped at a proof by compiled code, and at nothing else."""
        return bool(self.facts.forbidden) and self.facts.forbidden[0].native


def replayed(
    pool: LeanPool, request: CheckRequest, context: LeanContext, first: FirstTier
) -> Verdict:
    """Confirm an accepted candidate in a fresh process; any other verdict stays as it is.

    Raises:
        LimitReached: not done within the budget.
        BackendUnavailable: the machine failed.
    """
    if not isinstance(first.verdict, Accepted):
        return first.verdict
    digest = first.verdict.hash
    if first.terms is None:
        message = "the accepted terms are too large to be checked again in another process"
        finding = Finding(UndecidedReason.MEMORY, message)
        return refusal(finding, content_hash=digest, usage=first.verdict.usage)
    body = {
        "imports": list(first.facts.imports),
        "options": context.options,
        "statement": request.statement,
        "terms": first.terms,
        "heartbeats": request.budget.heartbeats,
        "allow_native": first.native,
    }
    with pool.fresh(Deadline.after(QUEUE_S)) as process:
        deadline = Deadline.after(request.budget.wall_s)
        reply = process.ask("replay", body, deadline, memory_mb=request.budget.memory_mb)
    ask = Question(request.statement, request.policy, request.code)
    usage = first.verdict.usage + reply.usage
    verdict = judge(parse_facts(reply.result), ask, content_hash=digest, usage=usage)
    return _confirmed(first.verdict, verdict)


def _confirmed(first: Accepted, second: Verdict) -> Verdict:
    """The second verdict, with what Lean said of the text and the checks of both processes."""
    shown = second.model_copy(update={"diagnostics": (*first.diagnostics, *second.diagnostics)})
    if not isinstance(shown, Accepted):
        return shown
    checks = (*first.evidence.checks, REPLAY_CHECK)
    return shown.model_copy(
        update={"evidence": shown.evidence.model_copy(update={"checks": checks})}
    )
