"""Receipts of real verdicts hold when run again, forged ones do not; fifty of each (long)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aludel.cli.main import cli
from aludel.lean_checker.attacks.corpus import all_cases, read_corpus
from aludel.lean_checker.checker import LeanChecker
from aludel.models import Accepted, CheckRequest, content_hash
from aludel.receipts import Receipt, issue

CORPUS = Path(__file__).parents[1] / "attacks" / "lean" / "honest"
pytestmark = [pytest.mark.lean, pytest.mark.timeout(600)]


def honest_requests() -> list[CheckRequest]:
    cases = [case for _, case in all_cases(read_corpus(CORPUS))]
    return [case.request() for case in cases]


def forged(receipt: Receipt, number: int) -> tuple[Receipt, str]:
    """Change what only a rerun can tell, with every hash made right again."""
    verdict = receipt.verdict
    assert isinstance(verdict, Accepted)
    request, update, named = receipt.request, dict[str, Any](), "verdict.axioms"
    match number % 3:
        case 0:
            update = {"axioms": ("Classical.choice", "Quot.sound")}
        case 1:
            evidence = verdict.evidence.model_copy(update={"declarations": ("cheat",)})
            update, named = {"evidence": evidence}, "verdict.evidence"
        case _:
            request = request.model_copy(update={"code": request.code + "\naxiom cheat : False\n"})
            named = "verdict.kind"
    update["hash"] = content_hash(receipt.toolchain.digest, request)
    return issue(receipt.toolchain, request, verdict.model_copy(update=update)), named


@pytest.fixture(scope="module", params=[10, pytest.param(50, marks=pytest.mark.long)])
def receipts(lean_checker: LeanChecker, request: pytest.FixtureRequest) -> list[Receipt]:
    made = []
    for candidate in honest_requests()[: request.param]:
        verdict = lean_checker.check(candidate)
        assert isinstance(verdict, Accepted), verdict.message
        made.append(issue(lean_checker.toolchain, candidate, verdict))
    return made


def test_receipts_hold_when_run_again(
    receipts: list[Receipt], shared_lean: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "receipts.jsonl"
    file.write_text("".join(one.text() + "\n" for one in receipts))
    assert cli.main(["receipt", "verify", "--rerun", str(file)], standalone_mode=False) == 0
    count = len(receipts)
    assert json.loads(capsys.readouterr().out) == {"receipts": count, "valid": count, "invalid": 0}


def test_forged_receipts_fail_with_the_field_that_differs(
    receipts: list[Receipt], shared_lean: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = [forged(one, number) for number, one in enumerate(receipts)]
    file = tmp_path / "forged.jsonl"
    file.write_text("".join(one.text() + "\n" for one, _ in pairs))
    assert cli.main(["receipt", "verify", str(file)], standalone_mode=False) == 0
    capsys.readouterr()
    assert cli.main(["receipt", "verify", "--rerun", str(file)], standalone_mode=False) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["invalid"] == len(pairs)
    lines = said.err.splitlines()
    assert len(lines) == len(pairs)
    for line, (_, named) in zip(lines, pairs, strict=True):
        assert named in line
