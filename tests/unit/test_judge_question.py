"""Forged tables: they are refused, or say only what kernels can check."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aludel.lean_checker.judge.printing import propositions_of
from aludel.lean_checker.judge.question import OURS, Question, Statement, WrongCandidate, ask
from aludel.lean_checker.judge.statements import parse_statement
from aludel.lean_checker.judge.tables import MalformedTables, parse_tables

Raw = dict[str, Any]


def proof_of_true() -> Raw:
    """`theorem t : True := True.intro`, with a helper that nobody needs."""
    return {
        "names": [None, [0, "t"], [0, "True"], [2, "intro"], [0, "h"]],
        "levels": [["z"]],
        "exprs": [["c", 2], ["c", 3]],
        "declarations": [["thm", 4, [], 0, 1], ["thm", 1, [], 0, 1]],
    }


def statement_of(tables: Raw | None = None, kind: str = "theorem") -> Statement:
    asked = tables or {
        "names": [None, [0, "t"], [0, "True"]],
        "levels": [],
        "exprs": [["c", 2]],
        "declarations": [["axm", 1, [], 0]],
    }
    result = {"imports": ["Init"], "kind": kind, "shown": "True", "tables": asked}
    return parse_statement(result, ("Init",))


def names_of(question: Question) -> list[tuple[str | int, ...]]:
    entries = json.loads(question.data)["names"]
    names: list[tuple[str | int, ...]] = [()]
    for parent, part in entries[1:]:
        names.append((*names[parent], part))
    return names


def asked(tables: Raw, statement: Statement | None = None) -> Question:
    return ask(parse_tables(tables), statement or statement_of())


def test_the_question_holds_what_the_proof_needs_under_names_of_ours() -> None:
    question = asked(proof_of_true())
    assert (question.match, question.count, question.declared) == ("identical", 2, ("t",))
    names = names_of(question)
    assert ("t",) not in names and ("h",) not in names
    assert {(OURS, 0, 0), (OURS, "asked"), ("True", "intro")} <= set(names)
    declarations = json.loads(question.data)["declarations"]
    assert [one[0] for one in declarations] == ["thm", "thm"]


def test_without_a_statement_every_declaration_is_asked_about() -> None:
    question = ask(parse_tables(proof_of_true()), None)
    assert (question.match, question.count, question.declared) == (None, 2, ("h", "t"))
    assert propositions_of(proof_of_true()) == ("h : True", "t : True")


def test_equal_proofs_are_equal_bytes_whatever_their_tables_look_like() -> None:
    other = {
        "names": [None, [0, "x"], [0, "t"], [0, "True"], [3, "intro"], [0, "unused"]],
        "levels": [["z"], ["s", 0], ["z"]],
        "exprs": [["c", 3], ["c", 4], ["c", 3], ["n", "7"]],
        "declarations": [["thm", 2, [], 2, 1]],
    }
    assert asked(other).digest == asked(proof_of_true()).digest


def test_names_of_binders_do_not_matter() -> None:
    def identity(name: str, kind: int) -> Raw:
        return {
            "names": [None, [0, "t"], [0, name], [0, "True"]],
            "levels": [],
            "exprs": [["c", 3], ["b", 0], ["p", 2, 0, 0, kind], ["l", 2, 0, 1, kind]],
            "declarations": [["thm", 1, [], 2, 3]],
        }

    wanted = identity("x", 0)
    del wanted["exprs"][3]
    wanted["declarations"] = [["axm", 1, [], 2]]
    questions = [asked(identity(n, k), statement_of(wanted)) for n, k in (("x", 0), ("y", 1))]
    assert questions[0] == questions[1] and questions[0].match == "identical"


def test_a_type_that_is_spelt_otherwise_is_left_to_the_kernels() -> None:
    tables = proof_of_true()
    tables["names"] += [[0, "Also"]]
    tables["exprs"] += [["c", 5], ["s", 0]]
    tables["declarations"] = [["def", 5, [], 3, 0, 1], ["thm", 1, [], 2, 1]]
    question = asked(tables)
    assert question.match == "defeq" and question.declared == ("Also", "t")
    tables["names"][5] = [0, "match_1"]  # as Lean calls what it declares on the way
    assert asked(tables).match == "identical"


def test_recursors_and_constructors_get_names_of_ours() -> None:
    tables = {
        "names": [None, [0, "T"], [1, "mk"], [1, "rec"], [1, "rec_1"], [0, "t"], [0, "u"]],
        "levels": [["z"], ["s", 0]],
        "exprs": [
            ["s", 1],
            ["c", 1],
            ["c", 2],
            ["c", 3, 0],
            ["c", 4, 0],
            ["a", 3, 4],
            ["j", 1, 0, 2],
        ],
        "declarations": [
            ["ind", [], 0, [[1, 0, [[2, 1]]]]],
            ["def", 6, [], 1, 6, 0],
            ["def", 5, [], 1, 5, 0],
        ],
    }
    question = ask(parse_tables(tables), None)
    names = set(names_of(question))
    assert {(OURS, 0, 0), (OURS, 0, 1), (OURS, 0, 0, "rec"), (OURS, 0, 0, "rec_1")} <= names
    assert not [name for name in names if name and name[0] in ("T", "t", "u")]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda t: t["declarations"].pop(), "missing_declaration"),
        (lambda t: t["declarations"][1].__setitem__(2, [2]), "statement_mismatch"),
        (lambda t: t["declarations"].insert(0, ["axm", 2, [], 0]), "axiom"),
    ],
)
def test_an_answer_to_another_question_is_told(spoil: Callable[[Raw], object], reason: str) -> None:
    tables = proof_of_true()
    spoil(tables)
    with pytest.raises(WrongCandidate) as caught:
        asked(tables)
    assert caught.value.reason == reason and caught.value.message


def change(path: list[Any], value: object) -> Callable[[Raw], None]:
    def spoil(tables: Raw) -> None:
        place: Any = tables
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return spoil


MALFORMED: dict[str, Callable[[Raw], Any]] = {
    "a table is missing": lambda t: t.pop("levels"),
    "a table too many": lambda t: t.update(extra=[]),
    "no array": change(["exprs"], {}),
    "the first name is named": change(["names", 0], [0, "x"]),
    "a name before its parent": change(["names", 1], [3, "t"]),
    "a name of itself": change(["names", 1], [1, "t"]),
    "half a surrogate pair": change(["names", 1], [0, "\ud800"]),
    "a component below zero": change(["names", 1], [0, -1]),
    "a component without bounds": change(["names", 1], [0, 2**70]),
    "a fraction": change(["names", 1], [0.0, "t"]),
    "a truth value as a number": change(["exprs", 0], ["c", True]),
    "an unknown word": change(["exprs", 0], ["?"]),
    "a word of the levels": change(["exprs", 0], ["z"]),
    "an unhashable word": change(["exprs", 0], [[]]),
    "a forward index": change(["exprs", 0], ["a", 1, 1]),
    "an index to itself": change(["exprs", 1], ["a", 1, 0]),
    "too few parts": change(["exprs", 0], ["a", 0]),
    "too many parts": change(["exprs", 0], ["b", 0, 0]),
    "a loose variable": change(["exprs", 1], ["b", 0]),
    "a large variable": change(["exprs", 1], ["b", 2**16]),
    "a numeral with a sign": change(["exprs", 1], ["n", "-1"]),
    "a numeral with a zero in front": change(["exprs", 1], ["n", "01"]),
    "an underscore in a numeral": change(["exprs", 1], ["n", "1_0"]),
    "digits of another script": change(["exprs", 1], ["n", "\u0661"]),
    "an unknown level": change(["exprs", 1], ["s", 7]),
    "an undeclared universe": change(["levels", 0], ["p", 1]),
    "a declaration of no kind": change(["declarations", 0], ["quot", 1, [], 0]),
    "a declaration of nothing": change(["declarations", 0], []),
    "an anonymous declaration": change(["declarations", 0, 1], 0),
    "declared twice": change(["declarations", 0, 1], 1),
    "a universe twice": change(["declarations", 0, 2], [1, 1]),
    "a type without end": change(["declarations", 0, 3], 99),
    "a block without types": change(["declarations", 0], ["ind", [], 0, []]),
    "it rests on itself": change(["exprs", 1], ["c", 1]),
    "it rests on a later one": change(
        ["declarations"], [["thm", 1, [], 0, 0], ["thm", 2, [], 0, 1]]
    ),
    "a name of ours": change(["names", 4], [0, OURS]),
    "a use of a name of ours": change(["names", 3], [0, OURS]),
}


@pytest.mark.parametrize("spoil", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_ill_formed_is_refused(spoil: Callable[[Raw], Any]) -> None:
    tables = proof_of_true()
    if spoil is MALFORMED["an undeclared universe"]:
        tables["exprs"][1] = ["s", 0]
    spoil(tables)
    with pytest.raises(MalformedTables):
        asked(tables)


def test_a_variable_is_bound_only_under_its_binder() -> None:
    """The type of a binder does not stand under it, even where both are the same entry."""
    tables = proof_of_true()
    tables["exprs"] += [["b", 0], ["l", 0, 2, 2, 0]]
    tables["declarations"] = [["thm", 1, [], 0, 3]]
    with pytest.raises(MalformedTables, match="nothing binds"):
        asked(tables)


def test_what_would_explode_unshared_stays_small() -> None:
    tables = proof_of_true()
    for index in range(1, 2_000):
        tables["exprs"].append(["a", index, index])
    tables["declarations"] = [["thm", 1, [], 0, len(tables["exprs"]) - 1]]
    assert len(asked(tables).data) < 60_000


def test_what_is_too_deep_is_refused_without_recursion() -> None:
    tables = proof_of_true()
    for index in range(1, 30_000):
        tables["exprs"].append(["a", index, 0])
    tables["declarations"] = [["thm", 1, [], 0, len(tables["exprs"]) - 1]]
    with pytest.raises(MalformedTables, match="deep"):
        asked(tables)
    levels = proof_of_true()
    levels["levels"] += [["s", index] for index in range(5_000)]
    with pytest.raises(MalformedTables, match="deep"):
        asked(levels)


def test_definitions_that_unfold_without_end_are_given_up() -> None:
    """Each definition holds the next at many levels: unfolding all would take years."""
    tables: Raw = {
        "names": [None, [0, "t"], [0, "True"], [0, "u"]] + [[0, f"_{n}"] for n in range(8)],
        "levels": [["p", 3]] + [["s", n] for n in range(60)],
        "exprs": [["c", 2], ["s", 0]],
        "declarations": [["def", 4, [3], 1, 0, 1]],
    }
    for number in range(7):
        first = len(tables["exprs"])
        tables["exprs"] += [["c", 4 + number, level] for level in range(60)]
        for index in range(59):
            left = first if index == 0 else len(tables["exprs"]) - 1
            tables["exprs"].append(["a", left, first + index + 1])
        last = len(tables["exprs"]) - 1
        tables["declarations"].append(["def", 5 + number, [3], 1, last, 1])
    tables["exprs"].append(["c", 11, 0])
    tables["declarations"].append(["thm", 1, [3], len(tables["exprs"]) - 1, 0])
    wanted = {
        "names": [None, [0, "t"], [0, "True"], [0, "u"]],
        "levels": [],
        "exprs": [["c", 2]],
        "declarations": [["axm", 1, [3], 0]],
    }
    assert asked(tables, statement_of(wanted)).match == "defeq"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats() | st.sampled_from(["c", "a", "t"]),
    lambda parts: st.lists(parts, max_size=5) | st.dictionaries(st.text(max_size=3), parts),
    max_leaves=12,
)
PLACES = st.sampled_from(
    [("names", n) for n in range(5)]
    + [("levels", 0), ("exprs", 0), ("exprs", 1), ("declarations", 0), ("declarations", 1)]
)


@given(place=PLACES, value=JSON)
def test_whatever_is_put_in_a_place_only_these_errors_come_out(
    place: tuple[str, int], value: object
) -> None:
    tables = copy.deepcopy(proof_of_true())
    tables[place[0]][place[1]] = value
    try:
        question = asked(tables)
    except (MalformedTables, WrongCandidate):
        return
    assert names_of(question)[0] == () and b"_aludel" in question.data
