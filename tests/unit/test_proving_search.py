"""Best-first search on states without a prover, and the estimators of pass@k."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from fake_checker import TOOLCHAIN
from fake_goals import FakeGoals
from hypothesis import given, settings
from hypothesis import strategies as st

from aludel.estimate import mean_pass_at_k, pass_at_k, wilson
from aludel.goals import Goal, GoalState, Hypothesis
from aludel.models import (
    Accepted,
    CheckRequest,
    Evidence,
    Rejected,
    RejectReason,
    Toolchain,
    Verdict,
)
from aludel.problems import Hint
from aludel.proving import (
    ProofPortfolio,
    Proposal,
    Proposals,
    SearchBudget,
    TacticPortfolio,
    TheoremProblem,
    best_first,
)


class Judge:
    """Accepts scripts, but for those with a word in them."""

    toolchain: Toolchain = TOOLCHAIN

    def __init__(self, refused: str = "never") -> None:
        self.asked: list[str] = []
        self._refused = refused

    def check(self, request: CheckRequest) -> Verdict:
        self.asked.append(request.code)
        if self._refused in request.code:
            return Rejected(hash="0", reason=RejectReason.AXIOM)
        return Accepted(hash="0", evidence=Evidence())

    def close(self) -> None:
        pass


class Always:
    """Proposes the same tactics everywhere."""

    name = "always"
    settings: ClassVar[dict[str, Any]] = {}

    def __init__(self, tactics: Sequence[str]) -> None:
        self._tactics = tactics

    def tactics(self, state: GoalState, count: int) -> Proposals:
        found = tuple(Proposal(text=tactic) for tactic in self._tactics)[:count]
        return Proposals(proposals=found, price=0.5, prompt_tokens=10, completion_tokens=2)


def problem(number: int) -> TheoremProblem:
    return TheoremProblem(name=f"p{number}", statement=f"theorem t : {number}")


def search(number: int, *tactics: str, judge: Judge | None = None, **budget: Any) -> Any:
    goals = FakeGoals()
    checker = judge or Judge()
    found = best_first(
        problem(number), goals, Always(tactics), checker, SearchBudget.model_validate(budget)
    )
    assert goals.open_sessions == 0
    return found, goals


def test_a_proof_is_found_and_judged() -> None:
    judge = Judge()
    found, _ = search(8, "nothing", "half", "dec", judge=judge)
    assert found.end == "proved" and found.verdict.kind == "accepted"
    assert found.tactics == ("half", "half", "half", "dec")
    assert judge.asked == [found.candidate.code]
    assert found.candidate.code == ("theorem t : 8 := by\n  half\n  half\n  half\n  dec\n")
    assert found.price == 0.5 * found.expanded and found.prompt_tokens == 10 * found.expanded
    assert found.tried > found.failed > 0 and 0 <= found.prover_s <= found.wall_s


def test_equal_states_are_expanded_once() -> None:
    found, goals = search(12, "dec", "half", "split")
    assert found.end == "proved" and found.duplicates > 0
    assert found.expanded == len(goals.stepped)


def test_what_the_checker_refuses_is_no_proof_and_the_search_goes_on() -> None:
    found, _ = search(4, "zap", "dec", judge=Judge("zap"))
    assert found.end == "proved" and found.rejected >= 1
    assert set(found.tactics) == {"dec"}
    nothing, _ = search(3, "dec", judge=Judge("dec"))
    assert nothing.end == "exhausted" and nothing.rejected == 1
    assert nothing.verdict.kind == "rejected"


def test_what_the_prover_offers_instead_of_a_step_is_tried() -> None:
    found, goals = search(4, "rw?", "dec", tactics=100)
    assert found.end == "proved" and "rw [half]" in found.tactics and "rw?" not in found.tactics
    assert ("rw [half]", "rw [nothing]") in goals.stepped
    assert found.tried == sum(len(tactics) for tactics in goals.stepped)
    few, goals = search(4, "rw?", tactics=2)
    assert goals.stepped == [("rw?",), ("rw [half]",)] and few.end == "tactics"


@pytest.mark.parametrize(
    ("budget", "end"),
    [({"tactics": 5}, "tactics"), ({"seconds": 0.0}, "seconds"), ({"depth": 3}, "exhausted")],
)
def test_budgets_end_a_search(budget: dict[str, Any], end: str) -> None:
    found, _ = search(100, "dec", "x", **budget)
    assert found.end == end and found.candidate is None
    assert found.tried <= budget.get("tactics", 1_000)


def test_a_tactic_that_kills_the_prover_costs_a_replay() -> None:
    found, goals = search(2, "kill", "dec", tactics=50)
    assert found.end == "proved" and found.tactics == ("dec", "dec")
    assert found.restarts > 0
    assert ("dec",) in goals.stepped
    killed, _ = search(50, "kill", "dec")
    assert killed.end == "prover"


def test_the_portfolio_reads_the_goal() -> None:
    def goal(target: str, *hypotheses: tuple[str, str]) -> GoalState:
        shown = tuple(Hypothesis(names=(n,), type=t) for n, t in hypotheses)
        one = Goal(case="", hypotheses=shown, target=target, pretty="")
        return GoalState(session="s", state=0, goals=(one,))

    def texts(state: GoalState, count: int = 64) -> list[str]:
        return [p.text for p in TacticPortfolio().tactics(state, count).proposals]

    assert {"rfl", "simp", "omega", "decide", "grind", "exact?"} <= set(texts(goal("p")))
    assert "intro" in texts(goal("p → q")) and "intro" not in texts(goal("p"))
    assert "constructor" in texts(goal("p ∧ q")) and "left" in texts(goal("p ∨ q"))
    found = texts(goal("x = y", ("n", "Nat"), ("h", "x = z"), ("k", "p ∧ q"), ("a✝", "a = b")))
    assert {"induction n", "cases k", "rw [h]", "rw [← h]"} <= set(found)
    assert not any("✝" in text for text in found)
    assert len(texts(goal("x = y"), 3)) == 3
    some = [Hint(name="Nat.add_comm"), Hint(name="Nat.add_assoc")]
    helped = TacticPortfolio(searching=False).tactics(goal("p"), 64, some)
    made = {p.text: p.cost for p in helped.proposals}
    assert {"rw [← Nat.add_comm]", "grind [Nat.add_comm, Nat.add_assoc]"} <= set(made)
    assert made["rw [Nat.add_comm]"] < made["rw [Nat.add_assoc]"] and "exact?" not in made
    nothing = goal("p").model_copy(update={"goals": ()})
    assert TacticPortfolio().tactics(nothing, 5, some).proposals == ()


def test_the_proof_portfolio_comes_in_a_fixed_order_with_premises_where_there_are_some() -> None:
    def drawn(count: int, seed: int, *names: str) -> list[str]:
        helped = problem(1).model_copy(
            update={"premises": tuple(Hint(name=name) for name in names)}
        )
        [made] = ProofPortfolio().proofs(helped, count, seed)
        assert made.ordered
        return [proposal.text for proposal in made.proposals]

    plain = drawn(100, 0)
    assert drawn(3, 1) == plain[:3] and len(set(plain)) == len(plain)
    assert not any("{" in text for text in plain)
    both = drawn(100, 0, "A.b", "C.d", "E.f")
    assert set(plain) < set(both) and both[0] == "by first | grind [A.b, C.d, E.f] | grind"
    assert len(set(both)) == len(both) > len(plain)
    assert not any("{" in text for text in drawn(100, 0, "A.b"))  # too few for some scripts


@settings(deadline=None)  # the first call imports
@given(st.integers(1, 12), st.data())
def test_pass_at_k_is_the_share_of_subsets_with_a_correct_one(n: int, data: Any) -> None:
    correct, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    subsets = list(itertools.combinations(range(n), k))
    share = sum(any(i < correct for i in s) for s in subsets) / len(subsets)
    assert math.isclose(pass_at_k(n, correct, k), share, abs_tol=1e-12)


def test_wilson_gives_the_published_figures() -> None:
    found = wilson(81, 263)  # Newcombe (1998), table I
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)
    none = wilson(0, 20)
    assert none.low == 0 and round(none.high, 4) == 0.1611


def test_intervals_hold_the_estimate_and_repeat() -> None:
    outcomes = [(8, c) for c in (0, 0, 1, 3, 8, 0, 2, 5)]
    one, eight = mean_pass_at_k(outcomes, 1), mean_pass_at_k(outcomes, 8)
    assert one == mean_pass_at_k(outcomes, 1)
    assert one.low < one.value == sum(c for _, c in outcomes) / 64 < one.high
    assert eight.value == 5 / 8 and one.value < eight.value
    assert mean_pass_at_k([(8, 0)] * 10, 8).high > 0.2
    for wrong in (lambda: pass_at_k(4, 5, 1), lambda: pass_at_k(4, 1, 5), lambda: wilson(1, 0)):
        with pytest.raises(ValueError):
            wrong()
    with pytest.raises(ValueError):
        mean_pass_at_k([], 1)
