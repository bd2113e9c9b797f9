"""One server process: every way an answer can fail to be an answer ends the process."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from aludel.deadline import Deadline
from aludel.errors import BackendCrashed, BackendUnavailable, InvalidRequest, ToolchainMissing
from aludel.lean_checker import wire
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.process import LeanProcess, ProcessDied, Reply, ServerCommand
from aludel.lean_checker.watchdog import Watchdog

Start = Callable[..., LeanProcess]


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    dog = Watchdog()
    yield dog
    dog.close()


@pytest.fixture
def start(fake_toolchain: Any, watchdog: Watchdog) -> Iterator[Start]:
    started: list[LeanProcess] = []

    def start_one(memory_mb: float = 1_000, seconds: float = 10, **env: str) -> LeanProcess:
        command = fake_toolchain.server_command()
        command = ServerCommand(command.argv, {**command.env, **env}, command.cwd)
        process = LeanProcess.start(
            command, Deadline.after(seconds), watchdog=watchdog, memory_mb=memory_mb
        )
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.kill()


def ask(process: LeanProcess, action: str, seconds: float = 10, **limits: float) -> Reply:
    body = {"code": f"-- fake: {action}", "imports": ["Init"]}
    return process.ask("check", body, Deadline.after(seconds), **limits)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for_end(pids: list[int]) -> None:
    """What was killed takes the kernel a moment to take down."""
    deadline = Deadline.after(5)
    while any(alive(pid) for pid in pids) and not deadline.passed:
        time.sleep(0.05)
    assert [pid for pid in pids if alive(pid)] == []


def test_an_answer_comes_with_what_it_cost(start: Start) -> None:
    reply = ask(start(), "burn 0.2")
    assert reply.usage.cpu_s is not None and 0.15 <= reply.usage.cpu_s <= 2
    assert reply.usage.wall_s >= 0.2
    assert reply.usage.prover_s == 0.003
    assert reply.usage.heartbeats == 7
    assert reply.usage.peak_memory_mb and reply.usage.peak_memory_mb > 1


def test_one_process_answers_many_requests(start: Start) -> None:
    process = start()
    pids = {tuple(ask(process, "who").result["axioms"]) for _ in range(20)}
    assert pids == {(str(process.pid),)}
    assert process.requests == 20 and process.idle


def test_a_streamed_answer_yields_its_items_and_then_the_reply(start: Start) -> None:
    *items, last = start().ask_stream("constants", {"count": 500}, Deadline.after(10))
    assert items == [{"number": number} for number in range(500)]
    assert isinstance(last, Reply) and last.result == {"count": 500}


def test_a_stream_left_early_is_not_idle(start: Start) -> None:
    process = start()
    stream = process.ask_stream("constants", {"count": 500}, Deadline.after(10))
    next(stream)
    assert not process.idle


def test_an_item_where_one_answer_was_due_is_refused(start: Start) -> None:
    process = start()
    with pytest.raises(BackendCrashed, match="an item where one answer was due"):
        process.ask("constants", {"count": 1}, Deadline.after(10))
    assert not alive(process.pid)


@pytest.mark.parametrize("action", ["hang", "spin"])
def test_the_deadline_kills(start: Start, action: str) -> None:
    process = start()
    began = time.monotonic()
    with pytest.raises(LimitReached) as caught:
        ask(process, action, seconds=0.5)
    assert caught.value.limit == "timeout"
    assert 0.5 <= time.monotonic() - began < 3
    assert caught.value.usage.wall_s >= 0.5
    assert not alive(process.pid)


@pytest.mark.parametrize("action", ["spawn", "escape"])
def test_the_deadline_kills_the_whole_family(start: Start, tmp_path: Path, action: str) -> None:
    process = start()
    with pytest.raises(LimitReached):
        ask(process, f"{action} {tmp_path / 'pids'}", seconds=2)
    pids = [int(word) for word in (tmp_path / "pids").read_text().split()]
    assert pids[0] == process.pid and len(pids) == 2
    assert not alive(process.pid)
    wait_for_end(pids)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("wrong_id", "another request"),
        ("odd", "not JSON"),
        ("array", "not a JSON object"),
        ("huge", "more than"),
        ("internal", "internal"),
    ],
)
def test_what_is_not_an_answer_kills(start: Start, action: str, words: str) -> None:
    process = start()
    with pytest.raises(BackendCrashed, match=words):
        ask(process, action)
    assert not alive(process.pid)


def test_a_process_that_ends_says_how(start: Start) -> None:
    with pytest.raises(ProcessDied) as caught:
        ask(start(), "leave 3")
    assert caught.value.status == 3 and not caught.value.exhausted


def test_last_words_on_memory_are_understood(start: Start) -> None:
    with pytest.raises(ProcessDied, match="out of memory") as caught:
        ask(start(), "exhaust")
    assert caught.value.exhausted


def test_growth_above_the_cap_kills(start: Start) -> None:
    process = start(memory_mb=100)
    with pytest.raises(LimitReached) as caught:
        ask(process, "grow 200")
    assert caught.value.limit == "memory"
    assert caught.value.usage.peak_memory_mb and caught.value.usage.peak_memory_mb > 100
    assert not alive(process.pid)


def test_a_request_may_set_a_lower_cap_but_no_higher_one(start: Start) -> None:
    with pytest.raises(LimitReached):
        ask(start(memory_mb=2_000), "grow 200", memory_mb=100)
    with pytest.raises(LimitReached):
        ask(start(memory_mb=100), "grow 200", memory_mb=2_000)


def test_standard_error_is_drained_and_its_tail_bounded(start: Start) -> None:
    process = start()
    ask(process, "noisy 8")
    assert len(process._stderr_tail()) <= 8_192


def test_a_refusal_leaves_the_process_good(start: Start) -> None:
    process = start()
    with pytest.raises(InvalidRequest) as caught:
        ask(process, "invalid imports")
    assert caught.value.field == "imports"
    assert process.idle
    ask(process, "accept")


def test_words_after_the_answer_are_noticed(start: Start) -> None:
    process = start()
    ask(process, "chatter")
    time.sleep(0.2)
    assert not process.idle


def test_a_request_larger_than_the_pipes_is_written(start: Start) -> None:
    process = start()
    body = {"code": "-- fake: accept\n" + "x" * 5_000_000}
    process.ask("check", body, Deadline.after(20))
    assert process.idle


def test_a_server_that_does_not_read_is_timed_out(start: Start) -> None:
    process = start(FAKE_START="")
    process._channel.send(wire.encode({"id": "0", "op": "check", "code": "-- fake: hang"}))
    with pytest.raises(LimitReached):
        process.ask("check", {"code": "x" * 5_000_000}, Deadline.after(0.5))


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ("silent", BackendUnavailable, "not ready in time"),
        ("dies", BackendCrashed, "library not found"),
        ("newer", BackendCrashed, "protocol 99"),
    ],
)
def test_a_start_that_fails_leaves_no_process(
    start: Start, how: str, error: type[Exception], words: str
) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with pytest.raises(error, match=words):
        start(seconds=1, FAKE_START=how)
    left = [child for child in psutil.Process().children() if child.pid not in before]
    assert [child for child in left if "fake_lean_server" in " ".join(child.cmdline())] == []


def test_a_program_that_is_missing_is_a_missing_toolchain(watchdog: Watchdog) -> None:
    command = ServerCommand(("/nowhere/node",), {}, Path.cwd())
    with pytest.raises(ToolchainMissing, match="aludel doctor"):
        LeanProcess.start(command, Deadline.after(1), watchdog=watchdog, memory_mb=100)


def test_killing_twice_is_harmless_and_closes_the_pipes(start: Start) -> None:
    start()  # Opens the reaper's pipe too.
    before = psutil.Process().num_fds()
    process = start()
    assert psutil.Process().num_fds() > before
    assert process.kill() == -9
    assert process.kill() == -9
    assert psutil.Process().num_fds() == before


PARENT = """
import sys, os, signal
sys.path[:0] = {path!r}
from pathlib import Path
from aludel.deadline import Deadline
from aludel.lean_checker.process import LeanProcess, ServerCommand
from aludel.lean_checker.watchdog import Watchdog
command = ServerCommand({argv!r}, {{"PATH": os.environ["PATH"]}}, Path("."))
dog = Watchdog()
process = LeanProcess.start(command, Deadline.after(20), watchdog=dog, memory_mb=1000)
if {reaper_dies}:
    dog._reaper.kill(); dog._reaper.wait()
    second = LeanProcess.start(command, Deadline.after(20), watchdog=dog, memory_mb=1000)
process.ask("check", {{"code": "-- fake: spawn {pids}"}}, Deadline.after(600))
"""


@pytest.mark.parametrize("signal_name", ["SIGKILL", "SIGTERM", "SIGINT"])
@pytest.mark.parametrize("reaper_dies", [False, True])
def test_no_process_outlives_its_parent(
    fake_toolchain: Any, tmp_path: Path, signal_name: str, reaper_dies: bool
) -> None:
    """The server is busy and does not read its input, so only the watchdog can end it."""
    pids = tmp_path / "pids"
    program = PARENT.format(
        path=[str(Path(__file__).parents[2])],
        argv=fake_toolchain.server_command().argv,
        pids=pids,
        reaper_dies=reaper_dies,
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
    deadline = Deadline.after(20)
    while not pids.exists() or len(pids.read_text().split()) < 2:
        assert not deadline.passed and parent.poll() is None
        time.sleep(0.05)
    group = [int(word) for word in pids.read_text().split()]
    assert all(alive(pid) for pid in group)
    parent.send_signal(getattr(signal, signal_name))
    parent.wait(10)
    wait_for_end(group)
