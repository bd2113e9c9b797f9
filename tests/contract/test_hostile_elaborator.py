"""An elaborator that lies, before the real statement process and the real kernels."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aludel.errors import AludelError, BackendCrashed
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.process import LeanProcess
from aludel.lean_checker.toolchains import LeanToolchain
from aludel.models import VERDICT, Budget, CheckRequest, LeanContext, Verdict
from aludel.settings import Settings

sys.path.insert(0, str(Path(__file__).parents[1] / "kernel"))

from fake_toolchain import FakeLeanToolchain
from hostile_tables import FALSE, TRUE, Lie, lies

pytestmark = [pytest.mark.lean, pytest.mark.timeout(600)]
INIT = LeanContext(imports=("Init",))


class _Pool(LeanPool):
    """Elaborators that lie; statements and kernels are given processes of the real server."""

    def __init__(self, toolchain: LeanToolchain, settings: Settings) -> None:
        super().__init__(FakeLeanToolchain(), settings)
        self._real = toolchain

    @property
    def toolchain(self) -> object:
        return self._real.toolchain

    def another(
        self,
        size: int,
        probe: Callable[[LeanProcess], None],
        *,
        shared: bool = False,
        kind: str = "",
    ) -> LeanPool:
        return LeanPool(self._real, self._settings, size=size, probe=probe, shared=shared)


@pytest.fixture(scope="module")
def checker(lean_toolchain: LeanToolchain) -> Iterator[LeanChecker]:
    settings = Settings(pool_size=1, second_kernel="require")
    made = LeanChecker(_Pool(lean_toolchain, settings), settings)
    yield made
    made.close()


def ask(
    checker: LeanChecker, action: str, path: Path, statement: str | None = FALSE, tier: str = "fast"
) -> Verdict:
    request = CheckRequest(
        context=INIT,
        statement=statement,
        code=f"-- fake: {action} {path}\n",
        budget=Budget(wall_s=30),
        tier=tier,  # type: ignore[arg-type]
    )
    return checker.check(request)


def outcome(found: Verdict) -> str:
    return "accepted" if found.reason is None else found.reason.value


# An honest process says this as well, or is not to blame for it.
NO_LIE = {"accepted", "memory", "elaboration", "kernel_disagreement"}
ALL = lies()


@pytest.mark.parametrize("lie", ALL, ids=[lie.name for lie in ALL])
def test_a_claim_is_worth_what_the_kernels_say(
    checker: LeanChecker, lie: Lie, tmp_path: Path
) -> None:
    path = tmp_path / "lie.claim"
    path.write_text(json.dumps(lie.claim))
    try:
        verdict = ask(checker, "claim", path, lie.statement)
        found = outcome(verdict)
    except AludelError as error:
        found = "error"
        assert isinstance(error, BackendCrashed), error
    else:
        assert VERDICT.validate_json(verdict.model_dump_json()) == verdict
    assert found in lie.expect
    assert found != "accepted" or lie.statement == TRUE
    if found not in NO_LIE:
        assert checker.pool.stats().idle == 0, "the process that lied is kept"


def said(text: bytes | str, path: Path) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def answer(**fields: object) -> str:
    result = {"imports": ["Init"], "axioms": []}
    return json.dumps(
        {"id": "$ID", "ok": True, "ms": 1, "heartbeats": 1, "result": result} | fields
    )


NONSENSE = {
    "no JSON": "accepted\n",
    "no object": '["accepted"]\n',
    "no UTF-8": b'{"id":"$ID","ok":true,"ms":1,"result":{"x":"\xff\xfe"}}\n',
    "brackets without end": "[" * 200_000 + "\n",
    "objects without end": '{"a":' * 100_000 + "\n",
    "a number of many digits": answer(ms=0).replace('"ms": 0', '"ms": ' + "9" * 10_000) + "\n",
    "time without end": answer(ms=0).replace('"ms": 0', '"ms": 1e999') + "\n",
    "time that is no number": answer(ms=0).replace('"ms": 0', '"ms": NaN') + "\n",
    "more heartbeats than there are": answer(heartbeats=2**70) + "\n",
    "another request's id": answer(id="0" * 32) + "\n",
    "no id": answer(id=None) + "\n",
    "an item": '{"id":"$ID","item":{"accepted":true}}\n',
    "more than asked": answer(verdict="accepted") + "\n",
    "no facts": answer(result={}) + "\n",
    "another question's facts": answer() + "\n",
    "an error of the server's": (
        '{"id":"$ID","ok":false,"error":{"code":"internal","message":"x"}}\n'
    ),
    "a line of 20 MB": b"x" * 20_000_000 + b"\n",
}


@pytest.mark.parametrize("text", NONSENSE.values(), ids=NONSENSE.keys())
def test_what_is_no_answer_is_no_verdict(
    checker: LeanChecker, text: bytes | str, tmp_path: Path
) -> None:
    """It is the machine's fault, never a rejection; nobody is given the process again.

    A process that others used before is asked in the place of a new one: see below.
    """
    with pytest.raises(BackendCrashed):
        ask(checker, "play", said(text, tmp_path / "said"))
    assert checker.pool.stats().idle == 0


@pytest.mark.parametrize("text", [*NONSENSE.values(), b""], ids=[*NONSENSE.keys(), "silence"])
def test_who_comes_after_a_liar_gets_a_verdict_of_their_own(
    checker: LeanChecker, text: bytes | str, tmp_path: Path
) -> None:
    """The first candidate leaves an answer behind for the next request."""
    ask(checker, "plant", said(text, tmp_path / "said"), TRUE)
    claim = said(json.dumps({}), tmp_path / "next.claim")
    if text == b"":
        budget = Budget(wall_s=1)
        asked = CheckRequest(context=INIT, statement=TRUE, code="x", budget=budget)
        assert outcome(checker.check(asked)) == "timeout"
    else:
        assert outcome(ask(checker, "claim", claim, TRUE)) == "accepted"


def test_a_proof_left_behind_for_the_next_request_is_judged_by_its_statement(
    checker: LeanChecker, tmp_path: Path
) -> None:
    planted = said(json.dumps({}), tmp_path / "true.claim")
    ask(checker, "plant", planted, TRUE)
    assert outcome(ask(checker, "claim", said("{}", tmp_path / "own.claim"))) == "kernel"


def test_a_true_proof_that_the_text_does_not_hold_is_not_confirmed(
    checker: LeanChecker, tmp_path: Path
) -> None:
    """The second tier asks a process that sees this candidate alone."""
    before = checker.judge.incidents["attribution"]
    ask(checker, "plant", said("{}", tmp_path / "true.claim"), TRUE)
    asked = CheckRequest(context=INIT, statement=TRUE, code="-- fake: internal\n", tier="replay")
    with pytest.raises(BackendCrashed):
        checker.check(asked)
    ask(checker, "plant", said("{}", tmp_path / "true.claim"), TRUE)
    lie = said(json.dumps({"axioms": ["sorryAx"]}), tmp_path / "sorry.claim")
    assert outcome(ask(checker, "claim", lie, TRUE, tier="replay")) == "sorry"
    assert checker.judge.incidents["attribution"] == before + 1


def test_an_answer_that_comes_before_the_question(checker: LeanChecker, tmp_path: Path) -> None:
    """What is said after an answer, and before the next request, ends the process."""
    twice = answer() + "\n" + answer() + "\n"
    with pytest.raises(BackendCrashed):
        ask(checker, "play", said(twice, tmp_path / "said"))
    ask(checker, "chatter", tmp_path, TRUE)
    claim = said("{}", tmp_path / "next.claim")
    assert outcome(ask(checker, "claim", claim, TRUE)) == "accepted"
    assert outcome(ask(checker, "claim", claim)) == "kernel"


def test_an_answer_cut_short(checker: LeanChecker, tmp_path: Path) -> None:
    """The rest never comes: that is a limit of this candidate's, and no rejection."""
    path = said(answer()[:-9], tmp_path / "said")
    code = f"-- fake: play {path}\n"
    asked = CheckRequest(context=INIT, statement=FALSE, code=code, budget=Budget(wall_s=1))
    assert outcome(checker.check(asked)) == "timeout"
    assert checker.pool.stats().idle == 0
