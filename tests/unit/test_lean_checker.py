"""The checker: what becomes a verdict, what becomes an exception, and what it costs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from aludel.errors import BackendCrashed, InvalidRequest
from aludel.lean_checker.checker import LeanChecker
from aludel.models import (
    VERDICT,
    Budget,
    CheckRequest,
    LeanContext,
    Policy,
    Verdict,
    content_hash,
)

MakeChecker = Callable[..., LeanChecker]


def request(action: str, **fields: object) -> CheckRequest:
    return CheckRequest.model_validate({"code": f"-- fake: {action}\n", **fields})


def check(checker: LeanChecker, action: str, **fields: object) -> Verdict:
    return checker.check(request(action, **fields))


def test_a_verdict_has_hash_and_usage(fake_checker: LeanChecker) -> None:
    asked = request("accept", statement="theorem t : True")
    verdict = fake_checker.check(asked)
    assert verdict.kind == "accepted"
    assert verdict.hash == content_hash(fake_checker.toolchain.digest, asked)
    usage = verdict.usage
    assert usage.wall_s > 0 and usage.prover_s == 0.003 and usage.heartbeats == 7
    assert usage.cpu_s is not None and usage.peak_memory_mb and usage.queue_s
    assert VERDICT.validate_json(verdict.model_dump_json()) == verdict


def test_waiting_is_not_part_of_the_wall_time(fake_checkers: MakeChecker) -> None:
    checker = fake_checkers(pool_size=1)
    check(checker, "accept")
    with ThreadPoolExecutor(2) as threads:
        verdicts = list(threads.map(lambda _: check(checker, "slow 0.4"), range(2)))
    assert all(verdict.usage.wall_s < 0.7 for verdict in verdicts)
    assert max(verdict.usage.queue_s or 0 for verdict in verdicts) > 0.3


def test_the_wall_budget_gives_undecided_and_kills(fake_checker: LeanChecker) -> None:
    began = time.monotonic()
    verdict = check(fake_checker, "hang", budget=Budget(wall_s=0.5))
    assert (verdict.kind, verdict.reason) == ("undecided", "timeout")
    assert 0.5 <= verdict.usage.wall_s < 2 and time.monotonic() - began < 5
    assert fake_checker.pool.stats().live == 0
    assert check(fake_checker, "accept").kind == "accepted"


def test_the_memory_cap_gives_undecided(fake_checkers: MakeChecker) -> None:
    verdict = check(fake_checkers(process_memory_mb=256), "grow 400")
    assert (verdict.kind, verdict.reason) == ("undecided", "memory")
    assert verdict.usage.peak_memory_mb and verdict.usage.peak_memory_mb > 256


def test_a_memory_budget_gives_undecided(fake_checker: LeanChecker) -> None:
    verdict = check(fake_checker, "grow 400", budget=Budget(memory_mb=128))
    assert (verdict.kind, verdict.reason) == ("undecided", "memory")


def test_a_memory_budget_below_the_provers_own_size_kills_nothing(
    fake_checker: LeanChecker,
) -> None:
    verdict = check(fake_checker, "accept", budget=Budget(memory_mb=1))
    assert (verdict.kind, verdict.reason) == ("undecided", "memory")
    assert verdict.message and "budget.memory_mb" in verdict.message
    assert fake_checker.pool.stats().idle == 1


def test_a_candidate_that_always_kills_the_prover_is_undecided(
    fake_checker: LeanChecker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        verdict = check(fake_checker, "leave 5")
    assert (verdict.kind, verdict.reason) == ("undecided", "memory")
    assert verdict.message and "exit code 5" in verdict.message
    assert "trying once more" in caplog.text
    assert fake_checker.pool.stats().started == 2 and fake_checker.pool.stats().live == 0


def test_a_candidate_of_a_project_that_kills_the_prover_is_undecided_too(
    fake_checker: LeanChecker,
) -> None:
    """The new process is asked for a first theorem over the modules that it holds."""
    verdict = check(fake_checker, "leave 5", context=LeanContext(imports=("Orchard",)))
    assert (verdict.kind, verdict.reason) == ("undecided", "memory")
    assert fake_checker.pool.stats().started == 2


def test_a_crash_that_does_not_repeat_is_forgotten(
    fake_checker: LeanChecker, tmp_path: Path
) -> None:
    verdict = check(fake_checker, f"crash_once {tmp_path / 'seen'}")
    assert verdict.kind == "accepted"
    assert fake_checker.pool.stats().started == 2


def test_running_out_of_memory_is_not_tried_twice(fake_checker: LeanChecker) -> None:
    verdict = check(fake_checker, "exhaust")
    assert (verdict.kind, verdict.reason) == ("undecided", "memory")
    assert fake_checker.pool.stats().started == 1


def test_a_defect_of_the_server_program_is_not_blamed_on_the_candidate(
    fake_checker: LeanChecker,
) -> None:
    with pytest.raises(BackendCrashed, match=r"A\.b"):
        check(fake_checker, "defect")
    assert fake_checker.pool.stats().started == 1


def test_a_prover_that_cannot_even_do_the_probe_is_a_broken_machine(
    fake_checkers: MakeChecker,
) -> None:
    with pytest.raises(BackendCrashed, match="first theorem"):
        check(fake_checkers(start="broken"), "accept")


@pytest.mark.parametrize(
    "action", ["wrong_id", "odd", "array", "huge", "internal", "unknown_match", "extra_field"]
)
def test_what_is_not_an_answer_is_never_a_verdict(fake_checker: LeanChecker, action: str) -> None:
    with pytest.raises(BackendCrashed):
        check(fake_checker, action, statement="theorem t : True")
    assert fake_checker.pool.stats().live == 0


def test_facts_that_contradict_the_question_end_the_process(fake_checker: LeanChecker) -> None:
    with pytest.raises(BackendCrashed):
        check(fake_checker, "forgotten_statement", statement="theorem t : True")
    assert fake_checker.pool.stats().live == 0


def test_a_refusal_of_the_servers_is_an_invalid_request(fake_checker: LeanChecker) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check(fake_checker, "invalid statement")
    assert caught.value.field == "statement"
    assert fake_checker.pool.stats().idle == 1


def test_a_bad_request_starts_nothing(fake_checker: LeanChecker) -> None:
    with pytest.raises(InvalidRequest):
        fake_checker.check(CheckRequest(code="x", context=LeanContext(imports=("a b",))))
    assert fake_checker.pool.stats().started == 0


def test_the_policy_decides_on_the_facts(fake_checker: LeanChecker) -> None:
    assert check(fake_checker, "who").reason == "axiom"
    pid = next(iter(check(fake_checker, "who").axioms))
    allowed = check(fake_checker, "who", policy=Policy(allowed_axioms=(pid,)))
    assert allowed.kind == "accepted"


def test_many_threads_share_the_pool(fake_checker: LeanChecker) -> None:
    def one(number: int) -> tuple[int, str]:
        action = ["accept", "slow 0.02", "leave 1", "hang"][number % 4]
        return number, check(fake_checker, action, budget=Budget(wall_s=0.3)).kind

    with ThreadPoolExecutor(8) as threads:
        kinds = dict(threads.map(one, range(32)))
    expected = ["accepted", "accepted", "undecided", "undecided"]
    assert kinds == {number: expected[number % 4] for number in range(32)}


def test_closing_leaves_nothing(fake_checker: LeanChecker) -> None:
    before = set(psutil.Process().children(recursive=True))
    check(fake_checker, "accept")
    assert set(psutil.Process().children(recursive=True)) - before
    fake_checker.close()
    fake_checker.close()
    assert not set(psutil.Process().children(recursive=True)) - before


def test_a_process_that_gives_another_texts_proof_is_caught(
    fake_checkers: MakeChecker, tmp_path: Path
) -> None:
    checker = fake_checkers(pool_size=1)
    before = check(checker, "accept").usage.process
    assert checker.judge.caught() == frozenset()
    verdict = check(checker, f"other_terms_once {tmp_path / 'told'}", tier="replay")
    assert verdict.kind == "accepted" and verdict.evidence.attribution == "confirmed"
    assert checker.judge.caught() == {before}
    assert checker.judge.incidents["attribution"] == 1
    assert verdict.usage.process != before
    assert check(checker, "accept").usage.process not in {before, None}
