"""The baseline without a model: standard tactics, and skeletons read off the goal."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

from aludel.goals import Goal, GoalState
from aludel.problems import Premise, Problem
from proving.generators import Proposal, Proposals

# Cost 0.1 to 0.9 closes goals or fails at once; above 1 the goal changes and has to pay for it.
_CLOSING = (
    ("rfl", 0.1),
    ("assumption", 0.1),
    ("contradiction", 0.2),
    ("decide", 0.3),
    ("omega", 0.3),
    ("simp", 0.4),
    ("simp_all", 0.6),
    ("grind", 0.5),
)
_SEARCHING = (("exact?", 0.9),)
_CASES = re.compile(r"∧|∨|∃|↔|^(?:And|Or|Exists|Iff)\b")
_INDUCTIVE = re.compile(r"^(?:Nat|Bool|List |Option )")
_BINDS = re.compile(r"→|∀|¬|≠")
_USABLE = re.compile(r"[^\W\d][\w'!?₀-₉]*")
_MAX_HYPOTHESES = 12

_WHOLE = (
    *(tactic for tactic, _ in (*_CLOSING, *_SEARCHING)),
    "intros; simp_all",
    "intros; omega",
    "intros; grind",
    "intros; assumption",
    "constructor <;> simp_all",
    "ext; simp",
    "funext _; rfl",
    "simp [Nat.add_comm, Nat.add_left_comm, Nat.mul_comm, Nat.mul_left_comm]",
    "simp only [] <;> omega",
    "apply Iff.intro <;> intros <;> simp_all",
)


class TacticPortfolio:
    """A :class:`~proving.generators.TacticGenerator` of standard tactics.

    Args:
        searching: whether ``exact?`` is among them, which searches the library (0.05 to 0.6 s).
        rewrites: equations of the library to rewrite with, besides the goal's own hypotheses.
    """

    name = "portfolio/tactics-1"

    def __init__(self, *, searching: bool = True, rewrites: Sequence[str] = ()) -> None:
        self._searching = searching
        self._rewrites = tuple(rewrites)

    @property
    def settings(self) -> dict[str, Any]:
        """What the proposals depend on."""
        return {"searching": self._searching, "rewrites": list(self._rewrites)}

    def tactics(self, state: GoalState, count: int, premises: Sequence[Premise] = ()) -> Proposals:
        """Propose tactics for the first goal, the cheapest first."""
        if not state.goals:
            return Proposals(proposals=())
        found = dict(reversed(list(self._all(state.goals[0]))))
        cheapest = sorted(found.items(), key=lambda pair: (pair[1], pair[0]))[:count]
        return Proposals(proposals=tuple(Proposal(text=t, cost=c) for t, c in cheapest))

    def _all(self, goal: Goal) -> Iterator[tuple[str, float]]:
        yield from _CLOSING
        if self._searching:
            yield from _SEARCHING
        yield from _of_target(goal.target)
        named = [
            (name, hypothesis.type)
            for hypothesis in goal.hypotheses
            for name in hypothesis.names
            if _USABLE.fullmatch(name)
        ]
        for name, kind in named[-_MAX_HYPOTHESES:]:
            yield from _of_hypothesis(name, kind)
        for lemma in self._rewrites:
            yield f"rw [{lemma}]", 2.0
            yield f"rw [← {lemma}]", 2.2


def _of_target(target: str) -> Iterator[tuple[str, float]]:
    if _BINDS.search(target):
        yield "intro", 1.0
        yield "intros", 1.05
    if _CASES.search(target):
        yield "constructor", 1.1
    if "∨" in target:
        yield "left", 1.3
        yield "right", 1.3
    if "if " in target or "match " in target:
        yield "split", 1.2
    if "=" in target:
        yield "ext", 1.6
        yield "congr 1", 1.8
        yield "symm", 1.9


def _of_hypothesis(name: str, kind: str) -> Iterator[tuple[str, float]]:
    if _CASES.search(kind):
        yield f"cases {name}", 1.2
    if _INDUCTIVE.match(kind):
        yield f"induction {name} <;> simp_all", 0.8
        yield f"cases {name} <;> simp_all", 0.8
        yield f"induction {name}", 1.7
        yield f"cases {name}", 1.7
    if " = " in kind or " ↔ " in kind:
        yield f"rw [{name}]", 1.2
        yield f"rw [← {name}]", 1.4
        yield f"simp [{name}]", 1.1
        yield f"subst {name}", 1.3
    if _BINDS.search(kind):
        yield f"apply {name}", 1.5


class ProofPortfolio:
    """A :class:`~proving.generators.ProofGenerator` of one-line proofs, in random order."""

    name = "portfolio/proofs-1"

    @property
    def settings(self) -> dict[str, Any]:
        """What the proposals depend on."""
        return {"scripts": len(_WHOLE)}

    def proofs(self, problem: Problem, count: int, seed: int) -> list[Proposals]:
        """Propose distinct one-line proofs, drawn without replacement."""
        drawn = random.Random(f"{seed}/{problem.name}").sample(_WHOLE, min(count, len(_WHOLE)))  # noqa: S311
        return [Proposals(proposals=tuple(Proposal(text=f"by {script}") for script in drawn))]
