"""Disproofs: the negation as text, the proofs that are tried, and what is made of the verdicts."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from fake_checker import FakeChecker
from hypothesis import given
from hypothesis import strategies as st
from live_api import live_api

from aludel.cli.disprove import command
from aludel.client import AsyncClient, Client
from aludel.disproofs import Disproof, DisproofRequest, disprove
from aludel.disproofs.negation import Binder, negation_of
from aludel.disproofs.refutations import scripts
from aludel.errors import AludelError, BackendUnavailable, InvalidRequest
from aludel.models import (
    Accepted,
    CheckRequest,
    Diagnostic,
    Evidence,
    Rejected,
    RejectReason,
    Severity,
    Undecided,
    UndecidedReason,
    Usage,
    Verdict,
    content_hash,
)
from aludel.settings import Settings

FALSE = "theorem t (a b : Nat) : a - b + b = a"
HELD = "(a := 0) (b := 1)"


@pytest.mark.parametrize(
    ("text", "negation"),
    [
        (FALSE, "theorem t.negation : ¬ (∀ (a b : Nat), a - b + b = a)"),
        ("theorem t : 1 = 2 := by sorry", "theorem t.negation : ¬ (1 = 2)"),
        ("lemma t {α} [Inhabited α] : P", "theorem t.negation : ¬ (∀ {α} [Inhabited α], P)"),
        ("theorem t.{u, v} (x : α) : x = x", "theorem t.negation.{u, v} : ¬ (∀ (x : α), x = x)"),
        ("theorem A.«b c» : p", "theorem A.«b c».negation : ¬ (p)"),
        ("open Nat in\ntheorem t : p ∨ q", "open Nat in\ntheorem t.negation : ¬ (p ∨ q)"),
        (
            "theorem t (h : a → b) : (c : d) = e",
            "theorem t.negation : ¬ (∀ (h : a → b), (c : d) = e)",
        ),
        ('theorem t (s : String) : s = ":" ', 'theorem t.negation : ¬ (∀ (s : String), s = ":")'),
    ],
)
def test_the_negation_of_a_statement(text: str, negation: str) -> None:
    assert negation_of(text).statement == negation


@pytest.mark.parametrize(
    ("text", "binders"),
    [
        (FALSE, [("a", "Nat"), ("b", "Nat")]),
        ("theorem t {α} (x : α) [i : D α] : p", [("α", "Type _"), ("x", "α"), ("i", "D α")]),
        ("theorem t (h : p := by simp) : q", [("h", "p")]),
        ("theorem t [Foo α] x : p", [("x", "")]),
        ("theorem t : ∀ n : Nat, ∀ (x : Int), ∀ m, p", [("n", "Nat"), ("x", "Int"), ("m", "")]),
        ("theorem t : ∀ x > 0, p", [("x", "")]),
    ],
)  # fmt: skip
def test_the_variables_of_a_statement(text: str, binders: list[tuple[str, str]]) -> None:
    assert list(negation_of(text).binders) == [Binder(*each) for each in binders]


def test_of_many_quantifiers_the_first_are_read() -> None:
    assert len(negation_of(f"theorem t : {'∀ x, ' * 5_000}p").binders) == 12


@pytest.mark.parametrize(
    "text",
    [
        "theorem t : True) ∧ (False", "theorem t (a : Nat] : p", "theorem t ((a : Nat) : p",
        "theorem t", "theorem t (a : Nat)", "def f : Nat", "theorem t : p := rfl", "theorem t : /-",
        "theorem t : (p ⟩", "", " ", "theorem", "theorem t :",
    ],
)  # fmt: skip
def test_what_is_no_statement(text: str) -> None:
    with pytest.raises(InvalidRequest):
        negation_of(text)


@given(st.text(max_size=60))
def test_any_text_is_negated_or_refused(text: str) -> None:
    for whole in (text, f"theorem t {text}", f"theorem t : {text}"):
        try:
            found = negation_of(whole)
        except InvalidRequest:
            continue
        list(scripts(found.binders))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("Nat", ["0", "1", "2"]), ("Int", ["0", "1", "-1"]), ("Bool", ["false", "true"]),
        ("Prop", ["False", "True"]), ("(List Nat)", ["[]", "[0]", "[1]"]),
        ("Option Bool", ["none", "some false", "some true"]), ("Fin 4", ["0", "1", "2"]),
        ("Nat → Nat", ["fun _ => 0", "fun _ => 1", "fun x => x"]), ("Type u", ["ULift Nat"]),
        ("Nat → Prop", ["fun _ => False", "fun _ => True"]),
    ],
)  # fmt: skip
def test_values_of_a_type(kind: str, values: list[str]) -> None:
    tried = [s.split("h (x := ")[1].split(")\nrevert")[0] for s in scripts([Binder("x", kind)])]
    assert tried[: len(values)] == values
    assert len(set(tried)) == len(tried) <= 8


def test_a_type_that_is_a_variable_has_the_values_of_what_it_is_given() -> None:
    first = next(scripts([Binder("α", "Type"), Binder("xs", "List α"), Binder("x", "α")]))
    assert "h (α := Nat) (xs := []) (x := 0)\n" in first


def test_hypotheses_are_given_nothing() -> None:
    assert list(scripts([Binder("h", "a ≤ b"), Binder("s", "MyStructure")])) == []
    assert "(n := 0)\n" in next(scripts([Binder("n", "Nat"), Binder("h", "0 < n")]))


class _Judge(FakeChecker):
    """Accepts what holds the right values, and finds nothing wrong with an application."""

    def __init__(self, applied: str = "sorry", otherwise: str = "reject") -> None:
        super().__init__()
        self.requests: list[CheckRequest] = []
        self._applied, self._otherwise = applied, otherwise

    def check(self, request: CheckRequest) -> Verdict:
        self.requests.append(request)
        if "nonsense" in request.code:
            raise InvalidRequest("unknown identifier 'nonsense'", field="statement")
        if "out of order" in request.code:
            raise BackendUnavailable("no prover")
        key = content_hash(self.toolchain.digest, request)
        if ".applied" in request.code:
            return self._application(key)
        if HELD in request.code:
            return Accepted(hash=key, evidence=Evidence(checks=("fake",)), usage=Usage(wall_s=0))
        return self._decide(self._otherwise, key, Usage(wall_s=0))

    def _application(self, key: str) -> Verdict:
        said = "the proof rests on `sorry`"
        errors = [Diagnostic(severity=Severity.ERROR, message=said)]
        if self._applied == "mismatch":
            errors.append(Diagnostic(severity=Severity.ERROR, message="type mismatch"))
        if self._applied == "undecided":
            return Undecided(hash=key, reason=UndecidedReason.TIMEOUT, usage=Usage(wall_s=0))
        reason = RejectReason.SORRY
        return Rejected(hash=key, reason=reason, message=said, diagnostics=tuple(errors))


def test_a_false_statement_has_a_proof_of_its_negation() -> None:
    judge = _Judge()
    found = disprove(DisproofRequest(statement=FALSE), judge.check)
    assert (found.outcome, found.verdict and found.verdict.kind) == ("statement_false", "accepted")
    assert found.candidate is not None and HELD in found.candidate.code
    assert found.candidate.statement == found.negation
    assert found.tried == len(judge.requests) - 1  # the last one applies the negation
    assert judge.requests[-1].code.startswith(f"{FALSE} := by sorry")


def test_nothing_is_a_disproof_that_does_not_deny_the_statement() -> None:
    request = DisproofRequest(statement=FALSE)
    with pytest.raises(InvalidRequest, match="type mismatch"):
        disprove(request, _Judge(applied="mismatch").check)
    assert disprove(request, _Judge(applied="undecided").check).outcome == "undecided"


def test_what_is_not_found_is_not_false() -> None:
    request = DisproofRequest(statement="theorem t (a : Nat) : a + 0 = a")
    found = disprove(request, _Judge().check)
    assert (found.outcome, found.candidate, found.verdict) == ("not_found", None, None)
    assert found.tried == len(list(scripts([Binder("a", "Nat")]))) + 8
    assert disprove(request, _Judge(otherwise="undecided").check).outcome == "undecided"


def test_time_that_runs_out_is_undecided() -> None:
    found = disprove(DisproofRequest(statement=FALSE, wall_s=1e-9), _Judge().check)
    assert (found.outcome, found.tried) == ("undecided", 0)


def test_a_receipt_needs_a_fresh_process() -> None:
    judge = _Judge()
    found = disprove(DisproofRequest(statement=FALSE, tier="replay"), judge.check)
    assert found.candidate is not None and found.candidate.tier == "replay"
    assert [r.tier for r in judge.requests].count("replay") == 1


def test_faults_are_raised() -> None:
    for word, kind in (("nonsense", InvalidRequest), ("out of order", BackendUnavailable)):
        with pytest.raises(kind):
            disprove(DisproofRequest(statement=f"theorem t : {word}"), _Judge().check)


def test_over_http(tmp_path: Path) -> None:
    with (
        live_api(Settings(data_dir=tmp_path), lambda _: _Judge()) as api,
        Client(api.url) as client,
    ):
        found = client.disprove(FALSE)
        assert found.outcome == "statement_false" and found.verdict is not None
        assert client.result(found.verdict.hash).verdict.kind == "accepted"
        assert client.disprove("theorem t : 1 = 1").outcome == "not_found"
        for text, said in (("theorem t", "states nothing"), ("theorem t : nonsense", "nonsense")):
            with pytest.raises(InvalidRequest, match=said):
                client.disprove(text)
        with pytest.raises(InvalidRequest, match="elsewhere"):
            client.disprove(DisproofRequest(statement=FALSE, project="elsewhere"))
        answer = httpx.post(f"{api.url}/v1/disproofs", json={"statement": FALSE, "more": 1})
        assert answer.status_code == 422

        async def awaiting() -> Disproof:
            async with AsyncClient(api.url) as own:
                return await own.disprove(FALSE)

        assert asyncio.run(awaiting()).outcome == "statement_false"


def _called(url: str, *words: str, text: str | None = None) -> Any:
    return CliRunner().invoke(command, [*words, "--server", url], standalone_mode=False, input=text)


def test_the_command(tmp_path: Path) -> None:
    with live_api(Settings(data_dir=tmp_path), lambda _: _Judge()) as api:
        shown = _called(api.url, FALSE)
        assert (shown.return_value, shown.output.splitlines()[0]) == (
            0,
            "false: its negation is proved",
        )
        assert HELD in shown.output
        told = json.loads(_called(api.url, "-", "--json", text=FALSE).output)
        assert told["outcome"] == "statement_false"
        assert _called(api.url, "theorem t : 1 = 1").return_value == 1
        assert _called(api.url, FALSE, "--timeout", "1e-9").return_value == 2
        wrong = _called(api.url, "theorem t", "--json")
        assert isinstance(wrong.exception, AludelError)
        assert json.loads(wrong.output)["field"] == "statement"
        assert isinstance(_called(api.url, FALSE, "--timeout", "0").exception, InvalidRequest)
