"""Messages in plain words."""

from __future__ import annotations

import pytest

from aludel.lean_checker.wording import LATE_IMPORT, auto_bound, import_fix, lemma_hints, plain
from aludel.models import Position, Severity

_LISTED = "is not on the list of commands that run no code"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (f"command `{LATE_IMPORT}` {_LISTED}", "`import` must stand at the beginning of the file"),
        (f"command `Lean.Parser.Command.elab_rules` {_LISTED}", "`elab_rules` runs code"),
        (f"command `Lean.Parser.Command.open_mixin` {_LISTED}", "the command `open_mixin` is not"),
        (f"command `Lean.commandHelp__` {_LISTED}", "the command `Help` is not on the list"),
        ("`#exit` would run code of the candidate inside the checker", "leave it out"),
        ("'em' depends on axioms: [em]", "'em' depends on cannot be listed here"),
        (
            "'t' depends on axioms: [propext,\n Nat.mod_lt]",
            "'t' depends on axioms: [propext], and on those of Nat.mod_lt, which cannot",
        ),
    ],
)
def test_what_a_reader_need_not_look_up(message: str, said: str) -> None:
    shown = plain(message)
    assert said in shown and "Parser" not in shown


@pytest.mark.parametrize(
    "message",
    [
        "unsolved goals\n⊢ False",
        "'t' depends on axioms: [propext, Classical.choice,\n Quot.sound]",
        "'t' does not depend on any axioms",
        "`#eval` would run code of the candidate inside the checker",
    ],
)
def test_other_messages_stay_as_they_are(message: str) -> None:
    assert plain(message) == message


def test_an_axiom_of_the_candidates_own_is_one() -> None:
    message = "'t' depends on axioms: [cheat]"
    assert plain(message, frozenset({"cheat"})) == message
    assert plain(message) != message


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("lemma a : 1 = 1 := rfl", (1, 0)),
        ("@[simp] lemma a : 1 = 1 := rfl", (1, 8)),
        ("theorem b : 1 = 1 := rfl\n\nlemma a : 1 = 1 := rfl", (3, 8)),
        ("theorem b : 1 = 1 := by\n  simp\r\nlemma «a b» (n) : n = n := rfl", (3, 0)),
    ],
)
def test_an_unknown_lemma_gets_a_hint(code: str, error: tuple[int, int]) -> None:
    at = [Position(line=error[0], column=error[1])]
    [hint] = lemma_hints(code, at, ("Init",))
    assert hint.severity is Severity.INFO and "use `theorem`" in hint.message
    assert hint.start and hint.start.line == error[0]
    assert lemma_hints(code, at, ("Init", "Mathlib.Logic.Basic")) == ()
    assert lemma_hints(code, [], ("Init",)) == ()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("theorem t : lemma a = 1 := rfl", (1, 2)),
        ("-- lemma a\ntheorem t : := rfl", (2, 12)),
        ('theorem t : "lemma a" = := rfl', (1, 24)),
        ('theorem t : "lemma a', (1, 12)),
    ],
)
def test_other_errors_get_no_hint(code: str, error: tuple[int, int]) -> None:
    assert lemma_hints(code, [Position(line=error[0], column=error[1])], ("Init",)) == ()


def test_names_that_lean_bound_itself_are_named() -> None:
    assert auto_bound(()) == ()
    [one] = auto_bound(("A",))
    assert one.severity is Severity.WARNING and "does not bind `A`" in one.message
    [two] = auto_bound(("A", "n"))
    assert "`A`, `n`: Lean made variables" in two.message


def test_an_unknown_import_is_told_what_to_do() -> None:
    fix = import_fix("unknown module prefix 'Mathlib'")
    assert fix is not None
    assert fix.startswith("this toolchain has no Mathlib: leave the import out")
    assert import_fix("something else") is None
