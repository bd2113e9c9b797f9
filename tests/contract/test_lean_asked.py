"""What is asked is elaborated once for many candidates, and no candidate changes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from aludel.deadline import Deadline
from aludel.errors import InvalidRequest
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.process import LeanProcess, Reply

pytestmark = [pytest.mark.lean, pytest.mark.timeout(300)]

HEADER = "theorem asked (xs ys : List Nat) : (xs ++ ys).length = ys.length + xs.length"
PROOF = "by rw [List.length_append, Nat.add_comm]"


@pytest.fixture
def process(lean_checker: LeanChecker) -> Iterator[LeanProcess]:
    with lean_checker.pool.lease(("Init",), Deadline.after(240)) as leased:
        yield leased


def check(process: LeanProcess, header: str, code: str, **fields: Any) -> Reply:
    body = {
        "imports": ["Init"],
        "options": {},
        "statement": header,
        "code": code,
        "heartbeats": 200_000,
        "allow_native": False,
    }
    return process.ask("check", body | fields, Deadline.after(60))


def match(reply: Reply) -> Any:
    return reply.result["statement"]["match"]


def test_a_statement_is_elaborated_once_for_its_candidates(process: LeanProcess) -> None:
    replies = [check(process, HEADER, f"{HEADER} := {PROOF} -- {n}") for n in range(3)]
    assert [match(reply) for reply in replies] == ["identical"] * 3
    first, second, third = (reply.usage.heartbeats or 0 for reply in replies)
    assert second < first
    assert abs(third - second) < first - second


def test_what_else_is_asked_makes_it_another_statement(process: LeanProcess) -> None:
    header = "theorem ghost (a : MyType) : a = a"
    accepted = check(process, header, f"{header} := rfl", options={"relaxedAutoImplicit": True})
    assert accepted.result["kernel_rejected"] == []
    for options in ({}, {"autoImplicit": False}):
        with pytest.raises(InvalidRequest, match="MyType"):
            check(process, header, f"{header} := rfl", options=options)


def test_a_refused_statement_is_refused_again(process: LeanProcess) -> None:
    for _ in range(2):
        with pytest.raises(InvalidRequest) as refused:
            check(process, "theorem lost : Lost", "theorem lost : Lost := trivial")
        assert refused.value.field == "statement"


def test_a_candidate_changes_nothing_for_the_next(process: LeanProcess) -> None:
    header = "theorem kept (a b : Nat) : a + b = b + a"
    hostile = (
        "local instance : HAdd Nat Nat Nat := ⟨fun _ _ => 0⟩",
        "set_option autoImplicit true",
        "namespace Else",
        "abbrev Nat := Unit",
        'macro_rules | `($a = $b) => `(True)\nlocal notation "Nat" => Bool',
    )
    for before in hostile:
        spoilt = check(process, header, f"{before}\n{header} := by first | rfl | trivial")
        assert "terms" not in spoilt.result or match(spoilt) != "identical", before
        assert match(check(process, header, f"{header} := Nat.add_comm a b")) == "identical"


def test_more_statements_than_are_kept(process: LeanProcess) -> None:
    headers = [f"theorem many{n} : {n} + 1 = {n + 1}" for n in range(12)]
    for number in (*range(12), 0, 5, 11):
        reply = check(process, headers[number], f"{headers[number]} := rfl")
        assert match(reply) == "identical"
        other = check(process, headers[number], f"theorem many{number} : True := trivial")
        assert match(other) == "different"
