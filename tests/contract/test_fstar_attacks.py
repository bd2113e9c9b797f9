"""The attack corpus: the policy's part without F*, all of it on a real F* where there is one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fstar_support import ask, fake_checker, real_checker

from aludel.fstar_checker.checker import FStarChecker
from aludel.models import CheckRequest, FStarContext

CORPUS = Path(__file__).parent.parent / "attacks" / "fstar"


def corpus(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (CORPUS / name).read_text().split("\n") if line]


REFUSED, ACCEPTED = corpus("refused.jsonl"), corpus("accepted.jsonl")
BY_POLICY = [a for a in REFUSED if a["decided_by"] == "policy"]


def request(entry: dict[str, Any]) -> CheckRequest:
    if entry["statement"] is None:
        return CheckRequest(context=FStarContext(), code=entry["code"])
    opens = ("FStar.List.Tot", "FStar.Mul", *entry.get("opens", ()))
    return ask(entry["statement"], entry["code"], opens=opens)


@pytest.fixture(scope="module")
def gullible(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FStarChecker]:
    """The checker over a stand-in that accepts every push: what is refused, the policy refuses."""
    checker = fake_checker(tmp_path_factory.mktemp("fstar"))
    yield checker
    checker.close()


@pytest.fixture(scope="module")
def real() -> Iterator[FStarChecker]:
    checker = real_checker()
    yield checker
    checker.close()


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(REFUSED) >= 40
    assert len(ACCEPTED) >= 20


@pytest.mark.parametrize("entry", BY_POLICY, ids=lambda e: e["name"])
def test_the_policy_refuses(entry: dict[str, Any], gullible: FStarChecker) -> None:
    verdict = gullible.check(request(entry))
    assert verdict.kind == "rejected"
    assert verdict.reason == entry["reason"], verdict.message


@pytest.mark.parametrize("entry", ACCEPTED, ids=lambda e: e["name"])
def test_the_policy_lets_honest_candidates_through(
    entry: dict[str, Any], gullible: FStarChecker
) -> None:
    findings = gullible.check(request(entry))
    policy_reasons = ("admit", "forbidden_construct", "extra_declaration", "statement_mismatch")
    assert findings.reason not in policy_reasons, findings.message


@pytest.mark.fstar
@pytest.mark.parametrize("entry", REFUSED, ids=lambda e: e["name"])
def test_real_fstar_never_accepts(entry: dict[str, Any], real: FStarChecker) -> None:
    verdict = real.check(request(entry))
    assert verdict.kind == "rejected", verdict
    assert verdict.reason == entry["reason"], verdict.message


@pytest.mark.fstar
@pytest.mark.parametrize("entry", ACCEPTED, ids=lambda e: e["name"])
def test_real_fstar_accepts(entry: dict[str, Any], real: FStarChecker) -> None:
    verdict = real.check(request(entry))
    assert verdict.kind == "accepted", (verdict.reason, verdict.message)
