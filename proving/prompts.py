"""Prompts as versioned templates. A change of text is a new version, never an edit."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from aludel.goals import GoalState
from aludel.models import Model, canonical_json
from aludel.problems import TheoremProblem

_FENCE = re.compile(r"```[ \t]*(?:lean4?|tactics?)?[ \t]*\n(.*?)```", re.DOTALL)
_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)


class Message(Model):
    """One turn of a chat."""

    role: str
    content: str


class PromptTemplate(Model):
    """A template with ``{…}`` fields.

    Attributes:
        name: kind and version, for example ``proof/lean-1``.
        system: the first message.
        user: the second one.
        repair: what follows a refused attempt, with ``{diagnostics}``.
    """

    name: str
    system: str
    user: str
    repair: str = ""

    def messages(self, **fields: str) -> tuple[Message, ...]:
        """Return the chat with its fields filled in; a field may hold braces."""
        return (
            Message(role="system", content=_filled(self.system, fields)),
            Message(role="user", content=_filled(self.user, fields)),
        )

    def repairing(
        self, messages: Sequence[Message], answer: str, diagnostics: str
    ) -> tuple[Message, ...]:
        """Return the chat that goes on after a refused ``answer``."""
        again = _filled(self.repair, {"diagnostics": diagnostics})
        return (
            *messages,
            Message(role="assistant", content=answer),
            Message(role="user", content=again),
        )


PROOF_LEAN_1 = PromptTemplate(
    name="proof/lean-1",
    system=(
        "You prove theorems in Lean 4. Answer with one code block that holds the whole theorem "
        "with its proof. No sorry, no new axioms."
    ),
    user=(
        "Imports: {imports}\n{premises}Prove this theorem:\n\n"
        "```lean\n{statement} := by\n  sorry\n```\n"
    ),
    repair=(
        "Lean does not accept this:\n\n{diagnostics}\n\n"
        "Answer with one code block that holds the corrected theorem."
    ),
)

TACTIC_LEAN_1 = PromptTemplate(
    name="tactic/lean-1",
    system=(
        "You are given a proof state of Lean 4. Answer with one tactic that makes progress on the "
        "first goal, in one code block, and nothing else."
    ),
    user="{premises}```lean\n{goals}\n```\n",
)


def prompt_hash(messages: Sequence[Message]) -> str:
    """Return the SHA-256 of a chat."""
    shown = canonical_json([message.model_dump() for message in messages])
    return hashlib.sha256(shown.encode()).hexdigest()


def proof_messages(
    template: PromptTemplate, problem: TheoremProblem, premises: Sequence[str] = ()
) -> tuple[Message, ...]:
    """Return the chat that asks for a whole proof."""
    return template.messages(
        imports=", ".join(problem.imports),
        statement=problem.statement,
        premises=_premises(premises),
    )


def tactic_messages(
    template: PromptTemplate, state: GoalState, premises: Sequence[str] = ()
) -> tuple[Message, ...]:
    """Return the chat that asks for a tactic."""
    goals = "\n\n".join(goal.pretty for goal in state.goals)
    return template.messages(goals=goals, premises=_premises(premises))


def code_of(answer: str) -> str:
    """Return the Lean text of a model's answer: its last code block, or all of it.

    What stands between ``<think>`` and ``</think>`` is no part of the answer.
    """
    answer = _THOUGHT.sub("", answer)
    blocks = _FENCE.findall(answer)
    text: str = blocks[-1] if blocks else answer
    return text.strip()


def _premises(premises: Sequence[str]) -> str:
    if not premises:
        return ""
    return "These may help:\n\n```lean\n" + "\n".join(premises) + "\n```\n\n"


def _filled(template: str, fields: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: fields[match[1]], template)
