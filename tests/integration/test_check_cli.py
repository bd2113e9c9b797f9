"""``aludel check`` with the real Lean: exit codes, streams, no process left.

Each kind of ending is seen once in a process of its own, as a user runs it; the others are run in
this one, on Lean processes that are there.
"""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from aludel.cli.main import main

pytestmark = [pytest.mark.lean, pytest.mark.timeout(300), pytest.mark.usefixtures("lean_toolchain")]

ALUDEL = str(Path(sys.executable).with_name("aludel"))
SWAP = "theorem swap (a b : Nat) : a + b = b + a"
# Heartbeats do not stop the kernel: only the wall clock ends this.
ENDLESS = "theorem t : 7 ^ (10 ^ 7) % 7 = 0 := by decide +kernel\n"


class Outcome(NamedTuple):
    code: int
    out: str
    err: str
    left: list[int]


class Family(threading.Thread):
    """Watches a process and notes every descendant it ever has."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.root = psutil.Process(pid)
        self.seen: set[psutil.Process] = set()
        self.start()

    def run(self) -> None:
        try:
            while self.root.is_running() and self.root.status() != psutil.STATUS_ZOMBIE:
                self.seen.update(self.root.children(recursive=True))
                time.sleep(0.05)
        except psutil.NoSuchProcess:
            return

    def left(self, within_s: float = 5) -> list[int]:
        """Ids of those that outlive the process by more than ``within_s``."""
        _, alive = psutil.wait_procs(self.seen, timeout=within_s)
        return [process.pid for process in alive if process.status() != psutil.STATUS_ZOMBIE]

    def has_lean(self) -> bool:
        """Whether a server is there and busy, rather than the reaper alone."""
        return any(
            process.is_running() and process.memory_info().rss > 500 * 2**20
            for process in set(self.seen)
        )


def start(*arguments: str) -> tuple[subprocess.Popen[str], Family]:
    process = subprocess.Popen(
        [ALUDEL, "check", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    return process, Family(process.pid)


def check(*arguments: str, text: str = "") -> Outcome:
    process, family = start(*arguments)
    out, err = process.communicate(text, timeout=240)
    assert family.seen, "no descendant was seen, so none could be missed"
    return Outcome(process.returncode, out, err, family.left())


def verdict_in(outcome: Outcome) -> dict[str, Any]:
    assert outcome.out.count("\n") == 1, outcome.err
    verdict: dict[str, Any] = json.loads(outcome.out)
    assert {"kind", "reason", "diagnostics", "axioms", "usage", "hash"} <= set(verdict)
    assert outcome.left == []
    return verdict


@pytest.fixture
def here(
    shared_lean: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Run the command in this process."""

    def run(*arguments: str, text: str = "") -> Outcome:
        monkeypatch.setattr(sys, "argv", ["aludel", "check", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        with pytest.raises(SystemExit) as end:
            main()
        code = end.value.code
        assert isinstance(code, int)
        return Outcome(code, *capsys.readouterr(), [])

    return run


CANDIDATES = {
    "a correct proof": (f"{SWAP} := Nat.add_comm a b\n", SWAP, 0, None),
    "a correct proof, no statement": (f"{SWAP} := by omega\n", None, 0, None),
    "a wrong one": (f"{SWAP} := Nat.mul_comm a b\n", SWAP, 1, "elaboration"),
    "sorry": (f"{SWAP} := by sorry\n", SWAP, 1, "sorry"),
    "sorry, no statement": (f"{SWAP} := sorry\n", None, 1, "sorry"),
    "its own axiom": (f"axiom cheat {SWAP[13:]}\n{SWAP} := cheat a b\n", SWAP, 1, "axiom"),
    "its own axiom, no statement": ("axiom c : 1 = 2\ntheorem t : 1 = 2 := c\n", None, 1, "axiom"),
    "another meaning of = by notation": (
        'local infix:50 (priority := high) " = " => fun (_ _ : Nat) => True\n'
        "theorem t : 1 = 2 := trivial\n",
        "theorem t : 1 = 2",
        1,
        "statement_mismatch",
    ),
    "another meaning of = by macro": (
        "macro_rules | `($a = $b) => `(True)\ntheorem t : 1 = 2 := trivial\n",
        "theorem t : 1 = 2",
        1,
        "statement_mismatch",
    ),
    "another theorem": ("theorem swap : True := trivial\n", SWAP, 1, "statement_mismatch"),
}


@pytest.mark.parametrize("name", CANDIDATES)
def test_the_exit_code_is_the_verdict(name: str, here: Callable[..., Outcome]) -> None:
    text, statement, code, reason = CANDIDATES[name]
    arguments = ["--statement", statement] if statement else []
    outcome = here("-", "--json", *arguments, text=text)
    assert (outcome.code, verdict_in(outcome)["reason"]) == (code, reason), outcome.err


def test_a_process_of_its_own_ends_with_its_verdict_and_leaves_nothing() -> None:
    text, statement, code, reason = CANDIDATES["a wrong one"]
    outcome = check("-", "--json", "--statement", str(statement), text=text)
    assert (outcome.code, verdict_in(outcome)["reason"]) == (code, reason), outcome.err


def test_an_endless_proof_is_undecided_in_time_and_leaves_nothing() -> None:
    began = time.monotonic()
    outcome = check("-", "--json", "--timeout", "5", text=ENDLESS)
    verdict = verdict_in(outcome)
    assert (outcome.code, verdict["kind"], verdict["reason"]) == (2, "undecided", "timeout")
    assert 5 <= verdict["usage"]["wall_s"] < 8
    assert time.monotonic() - began < 90


def test_people_are_shown_the_place(tmp_path: Path, here: Callable[..., Outcome]) -> None:
    file = tmp_path / "Wrong.lean"
    file.write_text("theorem t (a : Nat) :\n    a = a + 1 := by\n  rfl\n", encoding="utf-8")
    outcome = here(str(file))
    assert outcome.code == 1 and outcome.left == []
    assert outcome.out.startswith("rejected (elaboration, ")
    assert f"{file}:3:3: error: " in outcome.out and "\n 3 |   rfl\n   |   ^^^" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "text", "words"),
    [
        (["--imports", "No.Such.Module"], "theorem t : True := trivial", ["--imports", "No"]),
        ([], "import No.Such.Module\ntheorem t : True := trivial", ["<stdin>", "No"]),
        (["--statement", "theorem t : a +"], "theorem t : True := trivial", ["--statement"]),
    ],
)
def test_what_only_lean_can_see_to_be_wrong_is_64(
    arguments: list[str], text: str, words: list[str], here: Callable[..., Outcome]
) -> None:
    outcome = here("-", *arguments, text=text)
    assert outcome.code == 64 and outcome.out == "" and outcome.left == []
    assert "Traceback" not in outcome.err
    assert [word for word in words if word not in outcome.err] == []


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", -15), ("SIGKILL", -9)])
def test_no_process_outlives_an_interrupted_check(name: str, code: int) -> None:
    process, family = start("-", "--timeout", "240")
    assert process.stdin is not None
    process.stdin.write(ENDLESS)
    process.stdin.close()
    deadline = time.monotonic() + 120
    while not family.has_lean():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    time.sleep(3)  # Long enough to be inside the proof.
    process.send_signal(getattr(signal, name))
    assert process.wait(15) == code
    assert family.left() == []
