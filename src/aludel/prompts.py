"""Prompts as versioned templates. A change of text is a new version, never an edit."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from aludel.goals import GoalState
from aludel.models import FStarContext, Model, canonical_json
from aludel.problems import FStarProblem, Hint, Problem, TheoremProblem

_FENCE = re.compile(r"```[ \t]*(?:lean4?|tactics?|fstar)?[ \t]*\n(.*?)```", re.DOTALL)
_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)


class Message(Model):
    """One turn of a chat."""

    role: str
    content: str


class PromptTemplate(Model):
    """A template with ``{…}`` fields.

    Attributes:
        name: kind and version, for example ``proof/lean-1``.
        system: the first message; empty for none.
        user: the second one.
        repair: what follows a refused attempt, with ``{diagnostics}``.
    """

    name: str
    system: str
    user: str
    repair: str = ""

    def messages(self, **fields: str) -> tuple[Message, ...]:
        """Return the chat with its fields filled in; a field may hold braces."""
        turns = [("system", self.system), ("user", self.user)]
        return tuple(Message(role=r, content=_filled(text, fields)) for r, text in turns if text)

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

PROOF_FSTAR_1 = PromptTemplate(
    name="proof/fstar-1",
    system=(
        "You write F*. Answer with one code block that holds the one definition that is asked for. "
        "No admit, no assume, no options."
    ),
    user="{context}{examples}{premises}Write the definition for:\n\n```fstar\n{statement}\n```\n",
    repair=(
        "F* does not accept this:\n\n{diagnostics}\n\n"
        "Answer with one code block that holds the corrected definition."
    ),
)


# For models without a chat template; the prompts of the recipe `whole_proof`.
PROOF_PLAIN_1 = PromptTemplate(
    name="proof/plain-1",
    system="",
    user="{premises}{statement} :=",
    repair="\n\nLean does not accept this:\n\n{diagnostics}\n\nThe corrected proof:\n",
)

TACTIC_PLAIN_1 = PromptTemplate(
    name="tactic/plain-1", system="", user="{premises}[STATE]\n{goals}\n[TACTIC]\n"
)

# For encoders, which need no mark where the state ends; the input of ReProver's models.
TACTIC_STATE_1 = PromptTemplate(name="tactic/state-1", system="", user="{premises}{goals}")


def plain_text(messages: Sequence[Message]) -> str:
    """Return a chat as one text, for models without a chat template."""
    gap = {"system": "\n\n"}
    return "".join(message.content + gap.get(message.role, "") for message in messages)


def prompt_hash(messages: Sequence[Message]) -> str:
    """Return the SHA-256 of a chat."""
    shown = canonical_json([message.model_dump() for message in messages])
    return hashlib.sha256(shown.encode()).hexdigest()


def template_for(problem: Problem, lean: PromptTemplate) -> PromptTemplate:
    """Return the template that asks for a whole proof of ``problem``: ``lean``, or that for F*."""
    return lean if isinstance(problem, TheoremProblem) else PROOF_FSTAR_1


def proof_messages(template: PromptTemplate, problem: Problem) -> tuple[Message, ...]:
    """Return the chat that asks for a whole proof, with the problem's premises and examples."""
    if isinstance(problem, TheoremProblem):
        return template.messages(
            imports=", ".join(problem.imports),
            statement=problem.statement,
            premises=_premises(problem.premises, "lean"),
        )
    return template.messages(
        statement=problem.statement.rstrip(),
        context=_before(problem.context),
        examples=_examples(problem),
        premises=_premises(problem.premises, "fstar"),
    )


def tactic_messages(
    template: PromptTemplate, state: GoalState, premises: Sequence[Hint] = ()
) -> tuple[Message, ...]:
    """Return the chat that asks for a tactic."""
    goals = "\n\n".join(goal.pretty for goal in state.goals)
    return template.messages(goals=goals, premises=_premises(premises, "lean"))


def code_of(answer: str) -> str:
    """Return the text of a proof in a model's answer: its last code block, or all of it.

    What stands between ``<think>`` and ``</think>`` is no part of the answer.
    """
    answer = _THOUGHT.sub("", answer)
    blocks = _FENCE.findall(answer)
    text: str = blocks[-1] if blocks else answer
    return text.strip()


def _premises(premises: Sequence[Hint], language: str) -> str:
    if not premises:
        return ""
    lines = "\n".join(premise.line for premise in premises)
    return f"These may help:\n\n```{language}\n{lines}\n```\n\n"


def _before(context: FStarContext) -> str:
    """Return what stands before an F* definition: the file so far, or what is opened."""
    if context.prefix.strip():
        return f"The file before it:\n\n```fstar\n{context.prefix.strip()}\n```\n\n"
    if not context.opens:
        return ""
    parts = [entry.partition("=") for entry in context.opens]
    lines = [f"module {a} = {m}" if m else f"open {a}" for a, _, m in parts]
    return "In scope:\n\n```fstar\n" + "\n".join(lines) + "\n```\n\n"


def _examples(problem: FStarProblem) -> str:
    shown = (f"A similar definition:\n\n```fstar\n{e.strip()}\n```\n\n" for e in problem.examples)
    return "".join(shown)


def _filled(template: str, fields: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: fields[match[1]], template)
