"""Premises: retrieved by shared symbols, kept in a file, given to problems and states."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from fake_checker import TOOLCHAIN, FakeChecker
from fake_goals import FakeGoals

from aludel.attempts import AttemptOptions, SearchBudget
from aludel.errors import BackendUnavailable, InvalidRequest
from aludel.goals import Goal, GoalState
from aludel.lean_checker.answers import LibraryTheorem
from aludel.models import Toolchain
from aludel.problems import Hint, TheoremProblem, problems_digest
from aludel.prompts import PROOF_LEAN_1, TACTIC_LEAN_1, proof_messages, tactic_messages
from aludel.proving import Proposal, Proposals
from aludel.proving.build import Generators, attempt_with, plan_of
from aludel.proving.premises import Library, PremisedTactics, PremiseIndex, terms

STATEMENTS = {
    "List.map_append": "∀ {l m : List α}, List.map f (l ++ m) = List.map f l ++ List.map f m",
    "List.length_append": "∀ {l l' : List α}, (l ++ l').length = l.length + l'.length",
    "Nat.add_comm": "∀ (n m : Nat), n + m = m + n",
    "Nat.min_comm": "∀ (a b : Nat), min a b = min b a",
    "Bool.and_comm": "∀ (x y : Bool), (x && y) = (y && x)",
    "Int.neg_neg": "∀ (a : Int), - -a = a",
    "Option.some_inj": "∀ {a b : α}, some a = some b ↔ a = b",
    "Or.comm": "∀ {a b : Prop}, a ∨ b ↔ b ∨ a",
    "Nat.add.injEq": "∀ (n m : Nat), n + m = m + n",
}  # fmt: skip
MAP = "theorem t (f : Nat → Nat) (l : List Nat) : (l ++ l).map f = l.map f ++ l.map f"


class Source:
    """A library of a few theorems that counts how often it is printed."""

    toolchain: Toolchain = TOOLCHAIN

    def __init__(self, *, broken: bool = False) -> None:
        self.printed: list[str] = []
        self.broken = broken

    def theorem_names(self, imports: tuple[str, ...]) -> list[str]:
        if imports == ("Nope",):
            raise InvalidRequest("unknown import", field="imports")
        return sorted(STATEMENTS)

    def theorems(
        self, imports: tuple[str, ...], *, names: tuple[str, ...], statements: bool
    ) -> Sequence[LibraryTheorem]:
        if self.broken:
            raise BackendUnavailable("the prover died")
        self.printed += names
        return [
            LibraryTheorem(name=n, kind="theorem", module="M", type=STATEMENTS[n]) for n in names
        ]


def names(found: Sequence[Hint]) -> list[str]:
    return [premise.name for premise in found]


def test_symbols_are_notations_and_names_without_variables() -> None:
    assert terms("∀ {l₁ l' : List α}, (l₁ ++ l').length = x.length") == [
        "∀", "List", "++", "length", "=", "length",
    ]  # fmt: skip
    assert terms("List.length xs") == ["length"] and terms("") == []


def test_shared_symbols_decide() -> None:
    index = PremiseIndex(Hint(name=n, statement=s) for n, s in STATEMENTS.items())
    assert names(index.find(MAP, 2))[0] == "List.map_append"
    assert names(index.find("⊢ min x y = y", 1)) == ["Nat.min_comm"]
    assert "List.map_append" not in names(index.find(MAP, 5, {"List.map_append"}))
    assert index.find(MAP, 3) == index.find(MAP, 3)
    assert names(index.find(MAP, 2)) == ["List.map_append", "List.length_append"]
    assert index.find("⊢ foo", 3) == () and index.find(MAP, 0) == ()
    assert PremiseIndex([]).find(MAP, 3) == ()


def test_a_library_is_printed_once(tmp_path: Path) -> None:
    source = Source()
    found = Library(source, tmp_path).find(MAP, ("Init",), 1)
    assert names(found) == ["List.map_append"]
    assert source.printed == sorted(n for n in STATEMENTS if not n.endswith("injEq"))
    again = Source(broken=True)
    assert Library(again, tmp_path).find(MAP, ("Init",), 1) == found
    with pytest.raises(BackendUnavailable):
        Library(again, tmp_path / "other").find(MAP, ("Init",), 1)
    assert list((tmp_path / "other").iterdir()) == []
    with pytest.raises(InvalidRequest):
        Library(source, tmp_path).find(MAP, ("Nope",), 1)


def test_a_theorem_is_never_its_own_premise(tmp_path: Path) -> None:
    library = Library(Source(), tmp_path)
    own = TheoremProblem(name="List.map_append", statement=MAP)
    other = TheoremProblem(name="t", statement=MAP)
    assert "List.map_append" in names(library.help(other, 4).premises)
    helped = library.help(own, 4)
    assert helped.premises and "List.map_append" not in names(helped.premises)
    line = helped.premises[0].line
    assert line.startswith(f"{helped.premises[0].name} : ")
    assert line in proof_messages(PROOF_LEAN_1, helped)[1].content
    assert problems_digest([own]) != problems_digest([helped])


class Seen:
    """A generator that keeps what it was given."""

    name = "seen"
    settings: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        self.given: list[list[str]] = []

    def proofs(self, problem: TheoremProblem, count: int, seed: int) -> list[Proposals]:
        self.given.append(names(problem.premises))
        return [Proposals(proposals=(Proposal(text="by x"),))]

    def tactics(self, state: GoalState, count: int, premises: Sequence[Hint] = ()) -> Proposals:
        self.given.append(names(premises))
        return Proposals(proposals=(Proposal(text="dec"),))


def test_states_get_premises_of_their_own(tmp_path: Path) -> None:
    seen = Seen()
    problem = TheoremProblem(name="Nat.add_comm", statement="theorem t : True")
    helped = PremisedTactics(seen, Library(Source(), tmp_path), problem, 1)
    for target in ("(a ++ b).map f = c", "min a b = b", "n + m = m + n"):
        goal = Goal(case="", hypotheses=(), target=target, pretty=f"⊢ {target}")
        state = GoalState(session="s", state=0, goals=(goal,))
        assert len(helped.tactics(state, 4).proposals) == 1
    assert seen.given[:2] == [["List.map_append"], ["Nat.min_comm"]]
    assert seen.given[2] != ["Nat.add_comm"]
    assert helped.settings["premises"] == 1
    asked = tactic_messages(TACTIC_LEAN_1, state, (Hint(name="P", statement="1 = 1"),))
    assert "P : 1 = 1" in asked[1].content


@pytest.mark.parametrize("search", ["sample", "best_first"])
def test_attempts_ask_for_premises(tmp_path: Path, search: str) -> None:
    seen, library = Seen(), Library(Source(), tmp_path)
    generators = Generators(seen, seen)
    budget = SearchBudget(tactics=1)
    options = AttemptOptions.model_validate({"search": search, "premises": 2, "budget": budget})
    problem = TheoremProblem(name="t", statement="theorem t (f) : map f = 3")

    class Words(FakeChecker):
        def _decide(self, word: str, key: str, usage: Any) -> Any:
            return super()._decide("reject", key, usage)

    attempt = attempt_with(generators, options, Words(), FakeGoals(), library)
    attempt(problem)
    assert len(seen.given[0]) == (2 if search == "sample" else 0)  # "⊢ 3" has no symbols
    attempt_with(
        generators, options.model_copy(update={"premises": 0}), Words(), FakeGoals(), library
    )(problem)
    assert seen.given[1] == []
    with pytest.raises(InvalidRequest) as caught:
        attempt_with(generators, options, Words(), FakeGoals())
    assert caught.value.field == "premises"
    plans = [
        plan_of(generators, options.model_copy(update={"premises": n}), "0" * 64, "1" * 64).digest
        for n in (0, 2)
    ]
    assert plans[0] != plans[1]
