"""Forged answers of a Lean server without its guard: programs of candidates run, and gain nothing.

A program may do what its process may: answer for the checker, and read and answer the requests
after its own. Statements are read, and kernels asked, by other processes. The corpus is put to the
same server by ``make attacks-unguarded``.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "kernel"))

from forgers import (
    ONE_IS_TWO,
    PRINTED_AXIOMS,
    chosen_lies,
    flood,
    forged_for_itself,
    forged_for_the_next,
)
from hostile_tables import TRUE, Lie
from unguarded_lean import UNGUARDED, UnguardedPool, unguarded_toolchain

from aludel.errors import AludelError, BackendCrashed, BackendUnavailable, Conflict
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.toolchains import LeanToolchain
from aludel.models import Accepted, CheckRequest, LeanContext
from aludel.settings import Settings, load_settings
from aludel.tenants import working_for
from aludel.vouching import ensure_confirmed

pytestmark = [pytest.mark.lean, pytest.mark.long, pytest.mark.timeout(1_800)]
INIT = LeanContext(imports=("Init",))
LIES = chosen_lies()
TRIES = 10
"""Whether a program or the server reads the next line is chance."""
FALSE_VICTIM = CheckRequest(
    context=INIT, statement=ONE_IS_TWO, code="theorem t : 1 = 2 := by decide\n"
)
UNPROVED_VICTIM = CheckRequest(
    context=INIT, statement=TRUE, code="theorem t : True := by exact (rfl : 1 = 2)\n"
)
HONEST_VICTIM = CheckRequest(
    context=INIT,
    statement="theorem t (a b : Nat) : a + b = b + a",
    code="theorem t (a b : Nat) : a + b = b + a := by omega\n",
)


def lie_called(title: str) -> Lie:
    return next(lie for lie in LIES if lie.name == title)


WRONG_PROOF = lie_called("a proof of True")
RIGHT_PROOF = lie_called("another statement")
"""Of ``True``, whatever is asked."""


@pytest.fixture(scope="module")
def checker_of(lean_toolchain: LeanToolchain) -> Callable[[str], LeanChecker]:
    """Make a checker whose elaborators have no guard."""
    cache = load_settings().cache_dir.expanduser()

    def make(isolation: str) -> LeanChecker:
        settings = Settings.model_validate(
            {"pool_size": 1, "second_kernel": "require", "isolation": isolation}
        )
        toolchain, _ = unguarded_toolchain(settings, cache / UNGUARDED)
        return LeanChecker(UnguardedPool(toolchain, lean_toolchain, settings), settings)

    return make


@pytest.fixture(scope="module")
def unguarded(checker_of: Callable[[str], LeanChecker]) -> Iterator[LeanChecker]:
    with contextlib.closing(checker_of("key")) as checker:
        yield checker


def outcome(checker: LeanChecker, request: CheckRequest) -> str:
    """What became of a request; asked again where the machine could not start a process."""
    for _ in range(3):
        try:
            verdict = checker.check(request)
        except BackendCrashed:
            return "BackendCrashed"
        except BackendUnavailable:
            continue
        return "accepted" if verdict.reason is None else verdict.reason.value
    return "BackendUnavailable"


def after_a_forger(
    checker: LeanChecker,
    victim: CheckRequest,
    keys: tuple[str, str] = ("", ""),
    lie: Lie = WRONG_PROOF,
    tries: int = TRIES,
) -> list[str]:
    """What becomes of ``victim`` until a program answered it, or as often as it is tried.

    ``keys``: whose the forger is, and whose the victim.
    """
    found: list[str] = []
    before = checker.judge.incidents.total()
    forger, other = keys
    while checker.judge.incidents.total() == before and len(found) < tries:
        with working_for(forger), contextlib.suppress(AludelError):
            checker.check(forged_for_the_next(lie))
        with working_for(other):
            found.append(outcome(checker, victim))
    return found


def test_programs_run(unguarded: LeanChecker) -> None:
    code = '#eval IO.println "heard"\ntheorem t : True := trivial\n'
    verdict = unguarded.check(CheckRequest(context=INIT, statement=TRUE, code=code))
    assert isinstance(verdict, Accepted)
    assert [item.message.strip() for item in verdict.diagnostics] == ["heard"]


@pytest.mark.parametrize("lie", LIES, ids=[lie.name for lie in LIES])
def test_an_answer_forged_for_oneself(unguarded: LeanChecker, lie: Lie) -> None:
    """The fresh process that is asked after an incident is told the same lie."""
    before = unguarded.judge.incidents.total()
    assert outcome(unguarded, forged_for_itself(lie)) in lie.expect
    assert unguarded.judge.incidents.total() >= before + 2, "no answer was forged"


def test_what_print_axioms_prints_is_not_asked(unguarded: LeanChecker) -> None:
    request = CheckRequest(context=INIT, statement=ONE_IS_TWO, code=PRINTED_AXIOMS)
    verdict = unguarded.check(request)
    assert any("not depend on any axioms" in item.message for item in verdict.diagnostics)
    assert verdict.reason is not None and verdict.reason.value == "sorry"


def test_the_next_request_answered(unguarded: LeanChecker) -> None:
    """Its own verdict comes of a process that reads it alone."""
    before = unguarded.judge.incidents["kernel"]
    assert set(after_a_forger(unguarded, FALSE_VICTIM)) == {"elaboration"}
    assert unguarded.judge.incidents["kernel"] > before, "no answer was forged"


def test_an_honest_candidate_whose_request_is_answered_keeps_its_verdict(
    unguarded: LeanChecker,
) -> None:
    before = unguarded.judge.incidents["kernel"]
    assert set(after_a_forger(unguarded, HONEST_VICTIM)) == {"accepted"}
    assert unguarded.judge.incidents["kernel"] > before, "no answer was forged"


def test_the_same_text_sent_twice_does_not_answer_itself(unguarded: LeanChecker) -> None:
    asked = forged_for_the_next(WRONG_PROOF)
    false = asked.code.replace("theorem t : True := trivial", f"{ONE_IS_TWO} := sorry")
    twice = asked.model_copy(update={"statement": ONE_IS_TWO, "code": false})
    before, found = unguarded.judge.incidents.total(), []
    while unguarded.judge.incidents.total() == before and len(found) < TRIES:
        found.append(outcome(unguarded, twice))
    assert set(found) == {"sorry"}
    assert unguarded.judge.incidents.total() > before, "no answer was forged"


def test_no_receipt_for_a_true_statement_that_the_text_does_not_prove(
    unguarded: LeanChecker,
) -> None:
    """The first tier may be given another's proof of it, says so, and nobody vouches for that."""
    verdict = None
    for _ in range(TRIES):
        unguarded.check(forged_for_the_next(RIGHT_PROOF))
        verdict = unguarded.check(UNPROVED_VICTIM)
        if isinstance(verdict, Accepted):
            break
    assert isinstance(verdict, Accepted), "no answer was forged"
    assert verdict.evidence.attribution == "elaborator"
    with pytest.raises(Conflict):
        ensure_confirmed(verdict)
    alone = UNPROVED_VICTIM.model_copy(update={"tier": "replay"})
    assert set(after_a_forger(unguarded, alone, lie=RIGHT_PROOF)) == {"elaboration"}
    assert unguarded.judge.incidents["attribution"], "no answer was forged"


def test_another_keys_requests_are_not_read(unguarded: LeanChecker) -> None:
    before = unguarded.judge.incidents.total()
    for victim, right in ((FALSE_VICTIM, "elaboration"), (HONEST_VICTIM, "accepted")):
        found = after_a_forger(unguarded, victim, ("mallory", "alice"), tries=2)
        assert found == [right] * 2
    assert unguarded.judge.incidents.total() == before


def test_another_keys_false_statement_in_a_shared_process(
    checker_of: Callable[[str], LeanChecker],
) -> None:
    """Keys that share processes are lied to, and believe nothing false."""
    with contextlib.closing(checker_of("none")) as checker:
        found = after_a_forger(checker, FALSE_VICTIM, ("mallory", "alice"))
        assert set(found) == {"elaboration"}
        assert checker.judge.incidents["kernel"], "no answer was forged"


@pytest.mark.parametrize("end", ["\n", ""], ids=["lines", "one line"])
def test_a_flood(unguarded: LeanChecker, end: str) -> None:
    assert outcome(unguarded, flood(end)) == "BackendCrashed"
    assert outcome(unguarded, HONEST_VICTIM) == "accepted"
