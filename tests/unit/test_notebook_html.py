"""What notebooks show of verdicts, goals and variants: text, whatever a candidate wrote."""

from html.parser import HTMLParser
from typing import Any

import pytest

from aludel.goals import Goal, GoalState, Step, StepError
from aludel.models import (
    Accepted,
    Diagnostic,
    Evidence,
    Position,
    Rejected,
    RejectReason,
    Severity,
    Undecided,
    UndecidedReason,
    Usage,
)
from aludel.records import VariantRecord

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\" ' & </pre></table>"
GOAL = Goal(case="", hypotheses=(), target=HOSTILE, pretty=HOSTILE)
STATE = GoalState(
    session="s", state=1, parent=0, tactic=HOSTILE, goals=(GOAL,), messages=(HOSTILE,)
)
SAID = Diagnostic(
    severity=Severity.ERROR, message=HOSTILE, start=Position(line=2, column=3), end=None
)
COMMON: dict[str, Any] = {"hash": "0", "diagnostics": (SAID,), "message": HOSTILE}
VARIANT = VariantRecord(
    name=HOSTILE,
    statement=HOSTILE,
    proof=HOSTILE,
    rule="rw",
    lemma=HOSTILE,
    position="goal",
    parents=(HOSTILE,),
    imports=("Init",),
    toolchain_digest="0",
    verdict_hash="0",
    term_hash="0",
)
SHOWN = {
    "accepted": Accepted(
        **COMMON,
        axioms=(HOSTILE,),
        evidence=Evidence(declarations=(HOSTILE,), propositions=(HOSTILE,), kernels=("lean",)),
    ),
    "rejected": Rejected(**COMMON, reason=RejectReason.ELABORATION),
    "undecided": Undecided(**COMMON, reason=UndecidedReason.TIMEOUT, usage=Usage(wall_s=1.5)),
    "goal": GOAL,
    "state": STATE,
    "step": Step(tactic=HOSTILE, state=STATE),
    "no step": Step(tactic=HOSTILE, error=StepError(code="tactic", message=HOSTILE)),
    "variant": VARIANT,
}


class _Reader(HTMLParser):
    """The tags, attributes and text of a page, as a browser takes them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(shown: Any) -> _Reader:
    reader = _Reader()
    reader.feed(shown._repr_html_())
    reader.close()
    return reader


@pytest.mark.parametrize("name", SHOWN)
def test_what_a_candidate_wrote_is_text(name: str) -> None:
    reader = _read(SHOWN[name])
    assert set(reader.tags) <= {"div", "b", "pre", "table", "tr", "th", "td"}
    assert reader.attributes <= {"style"}
    assert not reader.open
    assert HOSTILE in reader.text


def test_a_verdict_says_its_kind_reason_and_places() -> None:
    text = _read(SHOWN["rejected"]).text
    assert text.startswith("rejected · elaboration · ")
    assert "2:3 " in text
    assert _read(SHOWN["undecided"]).text.startswith("undecided · timeout · ")
    assert "1.50 s" in _read(SHOWN["undecided"]).text


@pytest.mark.parametrize(
    ("goals", "said"), [((), "no goals left"), ((GOAL,), "1 goal"), ((GOAL, GOAL), "2 goals")]
)
def test_a_state_counts_its_goals(goals: tuple[Goal, ...], said: str) -> None:
    state = GoalState(session="s", state=0, goals=goals)
    assert said in _read(state).text


@pytest.mark.parametrize("name", ["accepted", "rejected", "undecided"])
def test_a_variant_s_name_does_not_look_like_a_verdict(name: str) -> None:
    shown = VARIANT.model_copy(update={"name": name})._repr_html_()
    assert "color:" not in shown and f"<b>{name}" not in shown and name in shown
