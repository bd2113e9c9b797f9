"""Search for lemmas with the real Lean, and docs/how-to/search-lemmas.md run as it stands."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aludel.cli import search as search_command
from aludel.errors import InvalidRequest
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.lemmas import LeanLemmas
from aludel.lemma_search import LemmaMatch, LemmasFound, goal_header, pattern_of

# The first question to a process builds its index, and grows trees.
pytestmark = [pytest.mark.lean, pytest.mark.timeout(900)]

PAGE = Path(__file__).parents[2] / "docs/how-to/search-lemmas.md"
TEXT = PAGE.read_text("utf-8")


@pytest.fixture(scope="module")
def lemmas(lean_checker: LeanChecker) -> LeanLemmas:
    return LeanLemmas(lean_checker.pool)


def match(lemmas: LeanLemmas, pattern: str = "", goal: str = "", **more: Any) -> LemmasFound:
    text, conclusion = pattern_of(pattern)
    asked = {"imports": ("Init",), "count": 20, "wall_s": 240.0, **more}
    header = goal_header(goal) if goal else ""
    return lemmas.match(LemmaMatch(pattern=text, conclusion=conclusion, goal=header, **asked))


def names(found: LemmasFound) -> list[str]:
    return [lemma.name for lemma in found.lemmas]


@pytest.mark.parametrize(
    ("pattern", "there", "not_there"),
    [
        ("?a + ?b = ?b + ?a", "Nat.add_comm", "Nat.add_assoc"),
        ("List.length (_ ++ _)", "List.length_append", "List.length_cons"),
        ("⊢ List.length (_ ++ _) = _", "List.length_append", None),
        ("⊢ ?a - ?b ≤ ?a", "Nat.sub_le", None),
        ("List.map _ (List.map _ _)", "List.map_map", None),
    ],
)
def test_patterns(
    lemmas: LeanLemmas, pattern: str, there: str | None, not_there: str | None
) -> None:
    found = match(lemmas, pattern, count=100)
    assert there is None or there in names(found)
    assert not_there not in names(found)
    assert all(lemma.statement and lemma.module for lemma in found.lemmas)


def test_the_same_hole_is_the_same_term(lemmas: LeanLemmas) -> None:
    twice = names(match(lemmas, "List.reverse (List.reverse ?l) = ?l", count=100))
    assert "List.reverse_reverse" in twice
    apart = names(match(lemmas, "⊢ ?a - ?a = 0"))
    assert "Nat.sub_self" in apart
    assert "Nat.zero_sub" not in apart


def test_only_the_holes_are_filled(lemmas: LeanLemmas) -> None:
    found = match(lemmas, "⊢ _ + 0 = _", count=100)
    assert "Nat.add_zero" in names(found)
    assert "Nat.add_comm" not in names(found)


@pytest.mark.parametrize("pattern", ["?b > ?a", "?a < ?b", "_ ≤ _ ∧ _ > _", "_ ≠ _", "¬ _ = _"])
def test_relations_are_read_as_what_they_stand_for(lemmas: LeanLemmas, pattern: str) -> None:
    some = ("Nat.add_comm", "Nat.lt_of_succ_le", "Nat.ne_of_gt", "Nat.lt_iff_le_and_ne")
    found = names(match(lemmas, pattern, names=some))
    assert "Nat.add_comm" not in found
    assert ("Nat.ne_of_gt" in found) == ("∧" not in pattern)


def test_patterns_below_binders_and_in_hypotheses(lemmas: LeanLemmas) -> None:
    below = match(lemmas, "List.map (fun x => x + _) _")
    assert "Nat.toList_rco_add_right_eq_map" in names(below)
    places = {lemma.name: lemma.place for lemma in match(lemmas, "_ % 2 = 1", count=100).lemmas}
    assert set(places.values()) == {"conclusion", "hypothesis"}


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("_", "no constant"),
        ("?f (?f ?x)", "no constant"),
        ("by exact 1", "tactics"),
        ("(by run_tac pure () : Nat)", "run_tac"),
        ('include_str "/etc/passwd"', "include_str"),
        ("(sorry : Nat) + 1", "sorry"),
        ("let rec f := 1; f", ""),
        ("Nat.foo _", "Nat.foo"),
        ("_ < ", "unexpected end"),
        ("_ + _ -- x\n#eval 1", "end of input"),
        ("(" * 1_500 + "_", ""),
    ],
)
def test_what_is_no_pattern(lemmas: LeanLemmas, pattern: str, said: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        match(lemmas, pattern)
    assert caught.value.field == "pattern" and caught.value.fix
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("goal", "first", "left"),
    [
        ("n m : Nat\nh : n < m\n⊢ n ≤ m", "Nat.le_of_lt", 0),
        ("∀ (a b : Nat), a + b = b + a", "Nat.add_comm", 0),
        ("theorem t (a b c : Nat) (h : a < b) (k : b < c) : a < c", "Nat.lt_trans", 0),
        ("theorem t (p q : Prop) (h : p) : p ∨ q", "Or.intro_left", 0),
        ("l m : List Nat\n⊢ (l ++ m).length = l.length + m.length", "List.length_append", 0),
    ],
)
def test_goals(lemmas: LeanLemmas, goal: str, first: str, left: int) -> None:
    found = match(lemmas, goal=goal, count=5).lemmas
    by_name = {lemma.name: lemma.premises_left for lemma in found}
    assert first in by_name
    assert len(by_name[first] or ()) == left
    lengths = [len(lemma.premises_left or ()) for lemma in found]
    assert lengths == sorted(lengths)


def test_what_is_no_goal(lemmas: LeanLemmas) -> None:
    for goal in ("theorem t : nonsense", "⊢", "theorem t : True := trivial", "n +"):
        with pytest.raises(InvalidRequest) as caught:
            match(lemmas, goal=goal)
        assert caught.value.field == "proves"


def test_names_restrict_and_order(lemmas: LeanLemmas) -> None:
    chosen = ("Nat.mul_comm", "Nope", "Nat.add_comm")
    assert names(match(lemmas, "_ = _", names=chosen)) == ["Nat.mul_comm", "Nat.add_comm"]
    both = match(lemmas, "_ * _", goal="⊢ ∀ (a b : Nat), a * b = b * a", names=chosen)
    assert names(both) == ["Nat.mul_comm"]


def test_a_budget_that_runs_out_leaves_what_was_found(lemmas: LeanLemmas) -> None:
    found = match(lemmas, "⊢ _ = _ + (_ + (_ + _))", wall_s=0.000_01)
    assert not found.complete and found.message


def test_one_request_leaves_nothing_for_another(lemmas: LeanLemmas) -> None:
    before = match(lemmas, "Nat.gcd ?a ?b = _")
    match(lemmas, "∃ x : Nat, x = _")
    assert match(lemmas, "Nat.gcd ?a ?b = _") == before


def _run(block: str, scope: dict[str, Any]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(block, scope)  # noqa: S102 - our own text
    return printed.getvalue()


@pytest.mark.long
def test_the_page_prints_what_it_shows(shared_lean: None) -> None:
    scope: dict[str, Any] = {}
    shown = re.findall(r"```python\n(.*?)```(?:\n\n```\n(.*?)```)?", TEXT, re.S)
    assert len(shown) == 6
    for block, output in shown:
        assert _run(block, scope) == output
    [(line, output)] = re.findall(r"```console\n\$ aludel search (.*?)\n(.*?)```", TEXT, re.S)
    done = CliRunner().invoke(search_command.command, shlex.split(line), standalone_mode=False)
    assert (done.stdout, done.return_value) == (output, 0)
