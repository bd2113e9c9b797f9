"""``docs/trust.md`` says what the executable policy does."""

from __future__ import annotations

import re
from pathlib import Path

from aludel.lean_checker.checker import CONFIRMED as REPLAY_CHECK
from aludel.lean_checker.policy import SORRY_AXIOM
from aludel.models import STANDARD_AXIOMS, RejectReason, UndecidedReason

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
GUARD = ROOT / "lean_checker" / "lean_server" / "Aludel" / "Guard"
# F*'s own, and the reasons that no Lean candidate gets.
NOT_LEANS = {"smt_failure", "admit", "rlimit", "cancelled"}


def words_of(file: str, after: str) -> set[str]:
    """The strings of the first Lean list after the words ``after``."""
    text = (GUARD / file).read_text(encoding="utf-8").split(after, 1)[1]
    return set(re.findall(r'"([^"]+)"', text[text.index("[") : text.index("]")]))


def test_the_allowed_axioms_are_the_default_ones() -> None:
    allowed = PAGE.split("Allowed\n   by default:", 1)[1].split(". `", 1)[0]
    assert tuple(re.findall(r"`([\w.]+)`", allowed)) == STANDARD_AXIOMS
    assert f"`{SORRY_AXIOM}` is never allowed" in PAGE


def test_the_refused_options_are_those_of_the_guard() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| `set_option` | not"))
    assert set(re.findall(r"`(\w+)\.\*`", row)) == words_of("Options.lean", "def refusedOption")


def test_constructs_that_run_code_are_on_the_guards_list() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| `#eval`"))
    running = words_of("Words.lean", "def runningWords")
    named = {"#eval", "run_cmd", "run_tac", "by_elab", "initialize", "include_str", "run_io"}
    assert named <= running and all(f"`{word}`" in row for word in named)


def test_attributes_that_replace_code_are_on_no_list() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| `#eval`"))
    replacing = set(re.findall(r"`(\w+)`", row.split("attributes that", 1)[1]))
    assert {"implemented_by", "extern", "export", "csimp", "init"} <= replacing
    assert not replacing & words_of("Words.lean", "def allowedAttributes")


def test_the_outcomes_of_the_corpus_format_are_all_named() -> None:
    reasons = {reason.value for reason in (*RejectReason, *UndecidedReason)} - NOT_LEANS
    assert {reason for reason in reasons if f"`{reason}`" not in PAGE} == set()
    assert f"`{REPLAY_CHECK}`" in PAGE
