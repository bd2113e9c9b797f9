"""Every recorded session of a real F*, driven by the real session code, with the right verdicts."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from fstar_support import TRANSCRIPTS, replay

from aludel.deadline import Deadline
from aludel.errors import BackendCrashed
from aludel.fstar_checker.classify import judge
from aludel.fstar_checker.policy import scan_definition
from aludel.fstar_checker.session import Fragment, Session, TimedOut
from aludel.fstar_checker.structure import split_declarations
from aludel.models import RejectReason, UndecidedReason

OK = None
SMT, TYPE, PARSE = RejectReason.SMT_FAILURE, RejectReason.ELABORATION, RejectReason.PARSE
ADMIT, MISSING = RejectReason.ADMIT, RejectReason.MISSING_DECLARATION
RLIMIT = UndecidedReason.RLIMIT
CONTROL, FALSE_LEMMA = SMT, ADMIT

VERDICTS: dict[str, list[object]] = {
    "01-banner-exit": [],
    "02-push-correct": [OK, OK],
    "03-push-incorrect": [OK, SMT, SMT, TYPE, TYPE],
    "04-syntax-error": [OK, PARSE, PARSE],
    "05-push-many-pop": [OK, OK, OK, OK, SMT, OK, OK],
    "06-rlimit-unknown": [OK, RLIMIT, SMT, RLIMIT, TYPE, OK],
    "07-admit-assume": [
        OK, CONTROL, ADMIT, CONTROL, ADMIT, CONTROL, ADMIT, CONTROL, ADMIT, CONTROL, ADMIT,
        CONTROL, ADMIT, CONTROL, ADMIT, CONTROL, MISSING, CONTROL, ADMIT, CONTROL, ADMIT, CONTROL,
        ADMIT, CONTROL,
    ],
    "10-option-leak": [OK, ADMIT, OK, SMT],
}  # fmt: skip
"""Verdict on each pushed fragment, in order: policy first, then F*'s own answer. In 10 the second
``OK`` is the leak itself: a false lemma passes while an earlier fragment's option is in force,
which is why that fragment is refused."""


def records(name: str) -> list[dict[str, Any]]:
    return [json.loads(x) for x in (TRANSCRIPTS / f"{name}.jsonl").read_text().splitlines()]


def queries(name: str) -> list[dict[str, Any]]:
    found = []
    for record in records(name):
        if record["dir"] == "in":
            try:
                found.append(json.loads(record["line"]))
            except ValueError:
                found.append({"raw": record["line"]})
    return found


def soon() -> Deadline:
    return Deadline.after(20)


def policy_reason(code: str) -> RejectReason | None:
    """What the policy says of a recorded fragment, asked for the first name that it defines."""
    declarations = split_declarations(code)
    if declarations and declarations[0].keyword in ("module", "open"):
        return None
    names = [d.names[0] for d in declarations if d.names]
    findings = scan_definition(code, names[0] if names else "none")
    worst = [f.reason for f in findings]
    for reason in (ADMIT, MISSING):
        if reason in worst:
            return reason
    return None


def drive(session: Session, query: dict[str, Any], verdicts: list[object]) -> None:
    if "raw" in query:
        session.process.send(query["raw"])
        assert '"protocol-violation"' in session.process.line(soon()).replace(": ", ":")
        return
    name, args = query["query"], query["args"]
    if name == "vfs-add":
        session.vfs_add(args["contents"], soon())
    elif name == "push" and args.get("kind") == "full" and "code" in args:
        fragment = Fragment(args["code"], args["line"], args["column"])
        judged = judge(session.push(fragment, soon()).issues).reason
        verdicts.append(policy_reason(args["code"]) or judged)
    elif name == "pop" and session.stack:
        session.pop(soon())
    elif name == "exit":
        session.exit()
    else:
        session.ask(name, args, soon())


@pytest.mark.parametrize("name", sorted(VERDICTS))
def test_recorded_session_gives_the_right_verdicts(name: str, tmp_path: Path) -> None:
    session = replay(name, tmp_path)
    verdicts: list[object] = []
    for query in queries(name):
        drive(session, query, verdicts)
    assert verdicts == VERDICTS[name]
    assert not session.process.alive


def test_every_transcript_is_driven_by_some_test() -> None:
    here = Path(__file__).read_text()
    assert all(path.stem in here for path in TRANSCRIPTS.glob("*.jsonl"))


def test_no_verdict_rests_on_a_lax_push(tmp_path: Path) -> None:
    """09: F* accepts a false lemma pushed ``lax``; the checker never pushes so."""
    session = replay("09-lax-kind-false-lemma", tmp_path)
    vfs, header, lax, _ = queries("09-lax-kind-false-lemma")
    session.vfs_add(vfs["args"]["contents"], soon())
    code, line = header["args"]["code"], header["args"]["line"]
    session.push(Fragment(code, line), soon())
    with pytest.raises(BackendCrashed, match="status 3"):  # the replayer refuses a full push
        session.push(Fragment(lax["args"]["code"], lax["args"]["line"]), soon())
    assert not session.process.alive


def long_query(session: Session, name: str, timeout_s: float) -> None:
    vfs, header, long = queries(name)[:3]
    session.vfs_add(vfs["args"]["contents"], soon())
    session.push(Fragment(header["args"]["code"], 1), soon())
    fragment = Fragment(long["args"]["code"], long["args"]["line"])
    session.push(fragment, Deadline.after(timeout_s))


def test_interrupt_leaves_a_usable_session(tmp_path: Path) -> None:
    session = replay("08a-sigint-long-query", tmp_path)
    with pytest.raises(TimedOut) as caught:
        long_query(session, "08a-sigint-long-query", 0.3)
    assert caught.value.usable
    after = queries("08a-sigint-long-query")[3]["args"]
    assert session.push(Fragment(after["code"], after["line"]), soon()).issues == ()
    session.exit()
    assert not session.process.alive


def test_killed_process_is_an_infrastructure_failure(tmp_path: Path) -> None:
    session = replay("08b-sigkill-long-query", tmp_path)
    with pytest.raises(TimedOut) as caught:
        long_query(session, "08b-sigkill-long-query", 0.3)
    assert not caught.value.usable  # no confirmation: killed and reaped
    assert not session.process.alive
    with pytest.raises(BackendCrashed):
        session.push(Fragment("let x = 1\n", 1), soon())


def test_interrupting_an_idle_process_ends_it(tmp_path: Path) -> None:
    session = replay("08c-sigint-while-idle", tmp_path)
    long_query(session, "08c-sigint-while-idle", 20)
    session.process.interrupt()
    session.process.wait(5)
    after = queries("08c-sigint-while-idle")[3]["args"]
    with pytest.raises(BackendCrashed, match="F\\*"):
        session.push(Fragment(after["code"], after["line"]), soon())


def test_the_replayer_is_strict(tmp_path: Path) -> None:
    session = replay("02-push-correct", tmp_path)
    with pytest.raises(BackendCrashed, match="status 3"):
        session.vfs_add("module Other\n", soon())


def test_recorded_latency_can_be_replayed(tmp_path: Path) -> None:
    session = replay("02-push-correct", tmp_path, speed=1.0)
    started = time.monotonic()
    for query in queries("02-push-correct"):
        drive(session, query, [])
    assert time.monotonic() - started > 0.8  # the recorded process took 0.87 s
