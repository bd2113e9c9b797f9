"""Checking many candidates in this process: order, progress, wrong requests, failing machines."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from fake_checker import FakeChecker

import aludel
from aludel.errors import BackendUnavailable, InvalidRequest
from aludel.in_process import InProcess, settings_with
from aludel.models import CheckRequest, Verdict


def asked(*codes: str) -> list[CheckRequest]:
    return [CheckRequest(code=code, metadata={"text": code}) for code in codes]


@pytest.fixture
def prover() -> Iterator[InProcess[FakeChecker]]:
    with InProcess(FakeChecker()) as opened:
        yield opened


def test_items_come_in_order_whichever_is_judged_first(prover: InProcess[FakeChecker]) -> None:
    told: list[int] = []
    codes = ("sleep 0.2 accept", "reject", "undecided", "accept", "reject")
    items = list(prover.check_many(asked(*codes), workers=3, progress=told.append))
    assert [item.position for item in items] == [0, 1, 2, 3, 4]
    kinds = [item.verdict and item.verdict.kind for item in items]
    assert kinds == ["accepted", "rejected", "undecided", "accepted", "rejected"]
    assert [item.metadata["text"] for item in items] == list(codes)
    assert told == [1, 2, 3, 4, 5]


def test_progress_is_told_on_stderr(
    prover: InProcess[FakeChecker],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    list(prover.check_many(asked("accept", "reject"), progress=True))
    assert capsys.readouterr().err == ""  # they were quicker than it speaks
    monkeypatch.setattr("aludel.progress._QUIET_S", 0.0)
    list(prover.check_many(asked("accept", "reject"), progress=True))
    assert capsys.readouterr().err == "aludel: 1 judged\naludel: 2 judged\n"


def test_a_progress_that_fails_is_told(prover: InProcess[FakeChecker]) -> None:
    with pytest.raises(ZeroDivisionError):
        list(prover.check_many(asked("accept", "accept"), progress=lambda n: 1 // (n - n)))


def test_a_wrong_request_is_an_item_and_the_others_go_on(prover: InProcess[FakeChecker]) -> None:
    first, second = prover.check_many(asked("invalid", "accept"))
    assert first.state == "failed" and first.verdict is None
    assert first.error is not None and first.error.code == "invalid_request"
    assert first.error.field == "imports" and first.error.fix == "install it"
    assert second.verdict is not None and second.verdict.kind == "accepted"


def test_a_candidates_own_unknown_import_is_its_verdict(prover: InProcess[FakeChecker]) -> None:
    [item] = prover.check_many(asked("foreign"))
    assert item.verdict is not None and item.state == "done"
    assert (item.verdict.kind, item.verdict.reason) == ("rejected", "parse")
    assert item.verdict.message == "unknown module prefix 'Mathlib'; leave it out"
    with pytest.raises(InvalidRequest):
        prover.check(CheckRequest(code="foreign"))


def test_a_failing_machine_is_an_exception(prover: InProcess[FakeChecker]) -> None:
    items = prover.check_many(asked("accept", "unavailable", "accept"), workers=1)
    assert next(items).verdict is not None
    with pytest.raises(BackendUnavailable, match="no prover"):
        next(items)


def test_requests_are_read_as_they_are_needed(prover: InProcess[FakeChecker]) -> None:
    read = 0

    def endless() -> Iterator[CheckRequest]:
        nonlocal read
        while True:
            read += 1
            yield CheckRequest(code="accept")

    items = prover.check_many(endless(), workers=2)
    for _ in range(10):
        next(items)
    assert read <= 10 + 2 * 2
    assert list(prover.check_many([])) == []


def test_several_threads_may_share_it(prover: InProcess[FakeChecker]) -> None:
    found: list[Verdict] = []
    threads = [
        threading.Thread(target=lambda: found.append(prover.check(CheckRequest(code="accept"))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [verdict.kind for verdict in found] == ["accepted"] * 8


def test_settings_that_are_given_win_and_must_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALUDEL_POOL_SIZE", "3")
    assert settings_with(toolchain=None, pool_size=None).pool_size == 3
    assert settings_with(pool_size=2).pool_size == 2
    with pytest.raises(InvalidRequest) as caught:
        settings_with(pool_size=-1)
    assert caught.value.field == "pool_size"


def test_public_names_exist_and_are_imported_when_asked_for() -> None:
    assert set(aludel.__all__) <= set(dir(aludel))
    assert all(getattr(aludel, name) is not None for name in aludel.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Coq'"):
        _ = aludel.Coq
    look = "import aludel, sys; print({'httpx', 'aludel.lean_checker'} & set(sys.modules))"
    fresh = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert fresh.stdout.strip() == "set()"


@pytest.mark.parametrize(("name", "module"), [("Lean", "psutil"), ("FStar", "psutil")])
def test_a_missing_extra_is_named_with_its_command(name: str, module: str) -> None:
    text = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from aludel import ExtraMissing\n"
        f"try:\n    from aludel import {name}\n"
        "except ExtraMissing as error:\n    print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert f"pip install 'aludel-proofs[{name.lower()}]'" in told.stdout
