"""A confirmed verdict is about the statement that a process reads which read nothing before."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fake_lean_server import MISREAD

from aludel.lean_checker.checker import LeanChecker
from aludel.models import Accepted, CheckRequest, LeanContext

INIT = LeanContext(imports=("Init",))
STATEMENT = "theorem t : True"


def request(
    statement: str, tier: str = "fast", imports: tuple[str, ...] = ("Init",)
) -> CheckRequest:
    return CheckRequest.model_validate(
        {
            "context": INIT if imports else LeanContext(),
            "statement": statement,
            "code": f"{statement} := trivial -- fake: accept\n",
            "tier": tier,
        }
    )


@pytest.mark.parametrize("imports", [("Init",), ()])
def test_a_statement_that_was_misread_is_not_confirmed(
    fake_checkers: Callable[..., LeanChecker], imports: tuple[str, ...]
) -> None:
    checker = fake_checkers(pool_size=1)
    assert checker.check(request(MISREAD)).kind == "accepted"
    misread = checker.check(request(STATEMENT, "replay", imports))
    assert (misread.kind, misread.reason) == ("undecided", "elaborator"), misread.message
    assert "another statement" in (misread.message or "")
    assert checker.judge.incidents["statement"] == 1
    # The process that misread it is asked no more, and what it read is forgotten.
    again = checker.check(request(STATEMENT, "replay", imports))
    assert isinstance(again, Accepted) and again.evidence.attribution == "confirmed"
    assert checker.judge.incidents["statement"] == 1


def test_what_was_read_rightly_is_confirmed(fake_checkers: Callable[..., LeanChecker]) -> None:
    checker = fake_checkers(pool_size=1)
    confirmed = checker.check(request(STATEMENT, "replay"))
    assert isinstance(confirmed, Accepted) and confirmed.evidence.attribution == "confirmed"
    assert checker.judge.incidents == {}
