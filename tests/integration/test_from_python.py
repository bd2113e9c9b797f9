"""The examples of ``help(aludel)`` and of docs/how-to/use-from-python.md, run as they stand."""

from __future__ import annotations

import contextlib
import io
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from fake_checker import FakeChecker
from fstar_support import fake_checker, real_checker
from live_api import live_api

import aludel
import aludel.fstar
from aludel.models import Usage, Verdict
from aludel.settings import Settings

PAGE = Path(__file__).parents[2] / "docs/how-to/use-from-python.md"
STORY = [
    textwrap.dedent(block)
    for block in re.findall(r"::\n\n((?:    .*\n|\n)+)", aludel.__doc__ or "")
]
SHOWN = re.findall(r"```python\n(.*?)```(?:\n\n```\n(.*?)```)?", PAGE.read_text("utf-8"), re.S)


class _Theorems(FakeChecker):
    def _decide(self, word: str, key: str, usage: Usage) -> Verdict:
        return super()._decide("accept" if word == "theorem" else word, key, usage)


@pytest.fixture(params=["fake", "real"])
def fstar(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F* is a hand-written stand-in, and the real one where there is one."""
    if request.param == "fake":
        monkeypatch.setattr(aludel.fstar, "build_checker", lambda _: fake_checker(tmp_path))
    else:
        real_checker().close()


def test_the_story_has_its_examples() -> None:
    assert len(STORY) == 6 and len(SHOWN) == 7
    assert all(block.count("\n") <= 7 for block in STORY)


@pytest.mark.lean
@pytest.mark.parametrize(
    "block",
    [
        pytest.param(block, marks=[pytest.mark.long] if "mutate" in block else [])
        for block in STORY
        if "Lean()" in block
    ],
)
def test_the_story_of_lean_holds(block: str, shared_lean: None) -> None:
    exec(block, {})  # noqa: S102 - our own text


def test_the_story_of_fstar_holds(fstar: None) -> None:
    [block] = [block for block in STORY if "FStar()" in block]
    exec(block, {})  # noqa: S102 - our own text


def test_the_story_of_the_service_holds(tmp_path: Path) -> None:
    [block] = [block for block in STORY if "Client(" in block]
    with live_api(Settings(data_dir=tmp_path), lambda _: _Theorems()) as api:
        exec(block.replace("http://127.0.0.1:8321", api.url), {})  # noqa: S102 - our own text


def _run(block: str, names: dict[str, Any]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(block, names)  # noqa: S102 - our own text
    return printed.getvalue()


@pytest.mark.lean
def test_the_example_of_the_readme_holds(shared_lean: None) -> None:
    text = (PAGE.parents[2] / "README.md").read_text("utf-8")
    [block] = re.findall(r"```python\n(.*?)```", text, re.S)
    assert _run(block, {}) == "accepted\n"


@pytest.mark.lean
def test_the_page_prints_what_it_shows(shared_lean: None) -> None:
    names: dict[str, Any] = {}
    for block, shown in [pair for pair in SHOWN if "FStar" not in pair[0]]:
        assert _run(block, names) == shown


def test_the_page_on_fstar_prints_what_it_shows(fstar: None) -> None:
    [(block, shown)] = [pair for pair in SHOWN if "FStar" in pair[0]]
    assert _run(block, {}) == shown
