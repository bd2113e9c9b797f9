"""What notebooks show of verdicts, goals and variants: text, whatever a candidate wrote."""

import re
import types
import typing
from enum import Enum
from html.parser import HTMLParser
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from aludel.goals import Goal, GoalState, Step, StepError
from aludel.models import (
    Accepted,
    Diagnostic,
    Model,
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
REORDERING = "".join(
    map(chr, (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
)
GOAL = Goal(case="", hypotheses=(), target="q", pretty="p : Prop\n⊢ q")
COMMON: dict[str, Any] = {"hash": "0"}
SAID = Diagnostic(severity=Severity.ERROR, message="no", start=Position(line=2, column=3), end=None)
REJECTED = Rejected(**COMMON, diagnostics=(SAID,), reason=RejectReason.ELABORATION, message="why")
UNDECIDED = Undecided(**COMMON, reason=UndecidedReason.TIMEOUT, usage=Usage(wall_s=1.5))
# What stands in a field of a text, by the place of the field; the others are not shown.
TEXTS = {
    Accepted: "message axioms diagnostics.message evidence.kernels evidence.declarations "
    "evidence.propositions",
    Rejected: "message axioms diagnostics.message",
    Undecided: "message axioms diagnostics.message",
    Goal: "pretty",
    GoalState: "tactic goals.pretty messages",
    VariantRecord: "name statement proof parents preamble",
}


def _filled(kind: Any, place: str = "") -> Any:
    """Return a value of a type in which every text is hostile, and tells its place."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated or kind in (float, int, bool):
        return _filled(parts[0], place) if parts else 1
    if origin is Literal:
        return parts[0]
    if origin in (typing.Union, types.UnionType):
        return _filled(parts[0], place)
    if origin is tuple:
        return (_filled(parts[0], place),)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = {
            name: _filled(field.annotation, f"{place}.{name}".strip("."))
            for name, field in kind.model_fields.items()
            if field.annotation is not types.NoneType
        }
        return kind(**fields)
    assert kind is str, kind
    return f"[{place}]{HOSTILE}{REORDERING}"


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


def _assert_text(reader: _Reader, places: str) -> None:
    """Every hostile text is there as a text, whole, its reordering characters by number."""
    assert set(reader.tags) <= {"div", "b", "pre", "table", "tr", "th", "td"}
    assert reader.attributes <= {"style"}
    assert not reader.open
    assert not set(REORDERING) & set(reader.text)
    shown = "".join(f"⟨U+{ord(one):04X}⟩" for one in REORDERING)
    for place in places.split():
        assert f"[{place}]{HOSTILE}{shown}" in reader.text, place
    assert reader.text.count(HOSTILE + shown) == reader.text.count("<script>")


@pytest.mark.parametrize("kind", TEXTS, ids=lambda kind: kind.__name__)
def test_whatever_is_written_in_a_field_is_text(kind: type[BaseModel]) -> None:
    _assert_text(_read(_filled(kind)), TEXTS[kind])


def test_a_step_shows_its_state_or_why_there_is_none() -> None:
    state = Step(tactic=HOSTILE, state=_filled(GoalState))
    _assert_text(_read(state), TEXTS[GoalState])
    _assert_text(_read(Step(tactic=_filled(str, "tactic"))), "tactic")
    error = StepError(code="tactic", message=_filled(str, "message"))
    _assert_text(_read(Step(tactic=_filled(str, "tactic"), error=error)), "message tactic")


def test_everything_that_shows_itself_is_here() -> None:
    def below(kind: type) -> set[type]:
        return {kind}.union(*map(below, kind.__subclasses__()))

    assert {kind for kind in below(Model) if "_repr_html_" in vars(kind)} == {*TEXTS, Step}


def _luminance(colour: str) -> float:
    """Return the relative luminance of ``#rgb`` or ``#rrggbb`` (WCAG 2.2)."""
    digits = colour.removeprefix("#")
    digits = digits if len(digits) == 6 else "".join(one * 2 for one in digits)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("shown", [_filled(Accepted), REJECTED, UNDECIDED])
def test_colours_can_be_read_on_any_page(shown: Any) -> None:
    """Letters have a colour only where the ground behind them has one; AA is 4.5."""
    styles = re.findall(r'style="([^"]*)"', shown._repr_html_())
    coloured = [style for style in styles if "#" in style]
    assert len(coloured) == 1
    [style] = coloured
    found = re.findall(r"\b(color|background):(#[0-9a-f]+)", style)
    assert sorted(name for name, _ in found) == ["background", "color"]
    dark, light = sorted(_luminance(colour) for _, colour in found)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_a_verdict_says_its_kind_reason_and_places() -> None:
    text = _read(REJECTED).text
    assert text.startswith("rejected · elaboration · ")
    assert "2:3 " in text
    assert _read(UNDECIDED).text.startswith("undecided · timeout · ")
    assert "1.50 s" in _read(UNDECIDED).text


@pytest.mark.parametrize(
    ("goals", "said"), [((), "no goals left"), ((GOAL,), "1 goal"), ((GOAL, GOAL), "2 goals")]
)
def test_a_state_counts_its_goals(goals: tuple[Goal, ...], said: str) -> None:
    state = GoalState(session="s", state=0, goals=goals)
    assert said in _read(state).text


@pytest.mark.parametrize("name", ["accepted", "rejected", "undecided"])
def test_a_variant_s_name_does_not_look_like_a_verdict(name: str) -> None:
    shown = _filled(VariantRecord).model_copy(update={"name": name})._repr_html_()
    assert "color:" not in shown and f"<b>{name}" not in shown and name in shown
