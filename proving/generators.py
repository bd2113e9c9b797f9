"""Generator protocols: they propose proofs and tactics, which count once the checker accepts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from pydantic import Field

from aludel.goals import GoalState
from aludel.models import Model
from aludel.problems import Hint, Problem


class Proposal(Model):
    """A text to be tried; ``cost`` (at least 0, less is better) orders the proposals of a search.

    For a model it is the negative log probability, where the model tells it.
    """

    text: str
    cost: float = Field(default=1.0, ge=0)


class Proposals(Model):
    """Proposals of one call of a generator, and their cost.

    Attributes:
        proposals: the texts, in no particular order.
        ordered: for whole proofs: they come in order of promise, and in the same order every time,
            so that pass@k is what the first k do; else their order is exchangeable.
        prompt_hash: SHA-256 of the prompt, for generators that have one.
        prompt_tokens, completion_tokens: as the model's server counted them.
        price: what the call cost, in the currency of the generator's price list.
        wall_s: seconds the call took.
    """

    proposals: tuple[Proposal, ...]
    ordered: bool = False
    prompt_hash: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    price: float = 0.0
    wall_s: float = 0.0


def distinct(proposals: Sequence[Proposal]) -> tuple[Proposal, ...]:
    """Return the proposals, the cheapest first, and of those with equal texts the cheapest."""
    best: dict[str, Proposal] = {}
    for proposal in sorted(proposals, key=lambda proposal: proposal.cost):
        best.setdefault(proposal.text, proposal)
    return tuple(best.values())


class TacticGenerator(Protocol):
    """Proposes tactics for proof states. Safe to call from several threads."""

    @property
    def name(self) -> str:
        """The name under which attempts are filed: kind and model."""
        ...

    @property
    def settings(self) -> dict[str, Any]:
        """Settings that the proposals depend on besides the state, as JSON."""
        ...

    def tactics(self, state: GoalState, count: int, premises: Sequence[Hint] = ()) -> Proposals:
        """Propose up to ``count`` tactics for the first goal of ``state``.

        ``premises`` are lemmas that may help, the most promising first.

        Raises:
            BackendUnavailable: the model cannot be reached.
        """
        ...


class ProofGenerator(Protocol):
    """Proposes whole proofs. Safe to call from several threads."""

    @property
    def name(self) -> str:
        """The name under which attempts are filed: kind and model."""
        ...

    @property
    def settings(self) -> dict[str, Any]:
        """Settings that the proposals depend on besides the problem, as JSON."""
        ...

    def proofs(self, problem: Problem, count: int, seed: int) -> Sequence[Proposals]:
        """Propose ``count`` proofs, in calls, in exchangeable order or ``ordered``.

        A proof is what stands after ``:=`` in Lean, and the definition in F*. A generator that
        knows no more gives fewer.

        Raises:
            BackendUnavailable: the model cannot be reached.
        """
        ...
