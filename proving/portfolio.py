"""The baseline without a model: standard tactics, and skeletons read off the goal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from aludel.goals import Goal, GoalState
from aludel.problems import Hint, Problem
from aludel.proving.generators import Proposal, Proposals

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
_SEARCHING = (("exact?", 0.9), ("rw?", 1.95))  # what rw? offers, the search tries
_CASES = re.compile(r"∧|∨|∃|↔|^(?:And|Or|Exists|Iff)\b")
_INDUCTIVE = re.compile(r"^(?:Nat|Bool|List |Option )")
_BINDS = re.compile(r"→|∀|¬|≠")
_USABLE = re.compile(r"[^\W\d][\w'!?₀-₉]*")
_FIELD = re.compile(r"\{(\w+)\}")
_MAX_HYPOTHESES = 12
_PER_RANK = 0.03  # a premise less alike is a worse bet

# Whole proofs in the order that covers most with few, by benchmarks/portfolio_order.py; what gained
# nothing there, for theorems are not variants, comes last.
WHOLE = (
    "grind",
    "exact?",
    "simp_all <;> grind",
    "split <;> simp_all",
    "constructor <;> simp_all",
    "simp_all",
    "omega",
    "rfl",
    "decide",
)
# A premise that grind cannot use makes it fail, so each script with premises falls back.
HELPED = (
    "first | grind [{all}] | grind",
    "exact?",
    "first | simp_all [{all}] <;> grind | simp_all <;> grind",
    "constructor <;> simp_all",
    "split <;> simp_all",
    "first | grind [{1}] | grind [{2}] | grind [{3}]",
    "first | simp_all [{1}] | simp_all [{2}] | simp_all [{3}]",
    "rw [{1}]; simp_all",
)


class TacticPortfolio:
    """A :class:`~aludel.proving.generators.TacticGenerator` of standard tactics.

    Args:
        searching: whether ``exact?`` and ``rw?`` are among them, which search the library (0.05 to
            0.9 s each).
    """

    name = "portfolio/tactics-2"

    def __init__(self, *, searching: bool = True) -> None:
        self._searching = searching

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the proposals."""
        return {"searching": self._searching}

    def tactics(self, state: GoalState, count: int, premises: Sequence[Hint] = ()) -> Proposals:
        """Propose tactics for the first goal, the cheapest first."""
        if not state.goals:
            return Proposals(proposals=())
        named = [premise.name for premise in premises]
        found = dict(reversed([*self._all(state.goals[0]), *_of_premises(named)]))
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


def _of_premises(names: Sequence[str]) -> Iterator[tuple[str, float]]:
    if names:
        yield f"grind [{', '.join(names[:3])}]", 0.45
        yield f"grind [{', '.join(names)}]", 0.7
        yield f"simp_all [{', '.join(names)}]", 0.75
    for rank, name in enumerate(names):
        yield f"rw [{name}]", 1.25 + _PER_RANK * rank
        yield f"apply {name}", 1.3 + _PER_RANK * rank
        yield f"rw [← {name}]", 1.45 + _PER_RANK * rank


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
    """Short standard proofs, the most promising first: a ``ProofGenerator``."""

    name = "portfolio/proofs-2"

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the proposals."""
        return {"scripts": len({*WHOLE, *HELPED})}

    def proofs(self, problem: Problem, count: int, seed: int) -> list[Proposals]:  # noqa: ARG002
        """Propose distinct proofs in a fixed order; there is nothing to draw, so no use of a seed.

        Where the problem has premises, scripts that name them come first.
        """
        names = [premise.name for premise in problem.premises]
        made = (filled(script, names) for script in (*(HELPED if names else ()), *WHOLE))
        texts = dict.fromkeys(f"by {script}" for script in made if script)
        proposals = tuple(Proposal(text=text) for text in texts)[:count]
        return [Proposals(proposals=proposals, ordered=True)]


def filled(script: str, names: Sequence[str]) -> str | None:
    """Return a script with premises in its fields; None where it wants more than there are."""
    fields = {"all": ", ".join(names)} if names else {}
    fields |= {str(rank): name for rank, name in enumerate(names, 1)}
    wanted = _FIELD.findall(script)
    if not all(field in fields for field in wanted):
        return None
    return _FIELD.sub(lambda match: fields[match[1]], script)
