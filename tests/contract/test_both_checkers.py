"""What every checker promises, whichever prover decides: Lean and F* under one suite."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from fstar_support import ask, real_checker
from fstar_support import fake_checker as fake_fstar

from aludel.errors import InvalidRequest
from aludel.models import (
    VERDICT,
    CheckRequest,
    FStarContext,
    LeanContext,
    Prover,
    Verdict,
    content_hash,
)
from aludel.protocols import Checker

LEAN_CASES = Path(__file__).with_name("lean_cases.json")


@dataclass(frozen=True)
class Subject:
    """A checker, a request that it accepts, one that it rejects, one for the other prover."""

    checker: Checker
    good: CheckRequest
    bad: CheckRequest
    foreign: CheckRequest


def recorded(name: str) -> str:
    """The text of a case whose verdict the real Lean was recorded to give."""
    cases = json.loads(LEAN_CASES.read_text())
    return str(next(case["code"] for case in cases if case["name"] == name))


def fstar_subject(checker: Checker) -> Subject:
    return Subject(
        checker,
        good=ask("val f : x:int -> Tot int", "let f x = x"),
        bad=ask("val f : x:int -> Tot int", "let f x = admit ()"),
        foreign=CheckRequest(context=LeanContext(), code="theorem t : True := trivial"),
    )


def lean_subject(checker: Checker) -> Subject:
    return Subject(
        checker,
        good=CheckRequest(code=recorded("correct proof")),
        bad=CheckRequest(code=recorded("sorry without a statement")),
        foreign=CheckRequest(context=FStarContext(), code="let x = 1"),
    )


@pytest.fixture(
    params=[
        "lean-fake",
        "fstar-fake",
        pytest.param("lean", marks=[pytest.mark.lean, pytest.mark.timeout(600)]),
        pytest.param("fstar", marks=pytest.mark.fstar),
    ]
)
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    if request.param.startswith("fstar"):
        real = request.param == "fstar"
        checker = real_checker() if real else fake_fstar(tmp_path, size=2)
        yield fstar_subject(checker)
        checker.close()
    elif request.param == "lean":
        yield lean_subject(request.getfixturevalue("lean_checker"))
    else:
        make: Callable[..., Checker] = request.getfixturevalue("fake_checkers")
        yield lean_subject(make(cases=LEAN_CASES, pool_size=2))


def test_verdicts_keep_the_schema_and_the_hash(subject: Subject) -> None:
    digest = subject.checker.toolchain.digest
    for asked, kind in ((subject.good, "accepted"), (subject.bad, "rejected")):
        verdict = subject.checker.check(asked)
        assert verdict.kind == kind, verdict
        assert verdict.hash == content_hash(digest, asked)
        assert VERDICT.validate_json(verdict.model_dump_json()) == verdict


def test_metadata_changes_nothing(subject: Subject) -> None:
    labelled = subject.good.model_copy(update={"metadata": {"who": "me"}})
    assert subject.checker.check(labelled).hash == subject.checker.check(subject.good).hash


def test_the_other_provers_request_is_refused(subject: Subject) -> None:
    with pytest.raises(InvalidRequest):
        subject.checker.check(subject.foreign)


def test_an_unknown_toolchain_is_refused(subject: Subject) -> None:
    with pytest.raises(InvalidRequest) as caught:
        subject.checker.check(subject.good.model_copy(update={"toolchain": "no-such"}))
    assert caught.value.field == "toolchain"


def test_threads_may_share_a_checker(subject: Subject) -> None:
    asked = [subject.good, subject.bad] * 4
    with ThreadPoolExecutor(4) as pool:
        verdicts: list[Verdict] = list(pool.map(subject.checker.check, asked))
    assert [v.kind for v in verdicts] == ["accepted", "rejected"] * 4


def test_the_toolchain_says_what_decides(subject: Subject) -> None:
    toolchain = subject.checker.toolchain
    expected = subject.good.context.prover
    assert toolchain.prover is expected
    assert toolchain.prover in (Prover.LEAN, Prover.FSTAR)
    assert len(toolchain.digest) == 64
