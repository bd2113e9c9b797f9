"""The policy: forbidden names are found wherever they stand as code, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aludel.fstar_checker.policy import ADMIT_NAMES, scan_definition, scan_module
from aludel.fstar_checker.structure import split_declarations
from aludel.models import RejectReason

SAFE_WORDS = st.text(alphabet="abcdefgh_", min_size=1, max_size=8).filter(
    lambda w: w not in ADMIT_NAMES and w not in ("fadmit", "begin", "f")
)


@given(st.sampled_from(sorted(ADMIT_NAMES)), st.lists(SAFE_WORDS, max_size=4))
def test_an_admit_is_found_among_any_words(name: str, words: list[str]) -> None:
    code = f"let f x = g {' '.join(words)} ({name} ())"
    assert scan_definition(code, "f")[0].reason is RejectReason.ADMIT


@given(st.sampled_from(sorted(ADMIT_NAMES)))
def test_an_admit_in_a_comment_or_string_is_only_a_word(name: str) -> None:
    code = f'(* {name} *) let f x = // {name} ()\n "{name}"'
    assert scan_definition(code, "f") == []


@given(st.sampled_from(sorted(ADMIT_NAMES)), SAFE_WORDS)
def test_a_longer_name_is_another_name(name: str, word: str) -> None:
    longer = f"{name}_{word}x"
    if longer not in ADMIT_NAMES:
        assert scan_definition(f"let f x = {longer}", "f") == []


@given(st.text(max_size=200))
def test_any_text_is_scanned_without_an_error(text: str) -> None:
    for finding in [*scan_definition(text, "f"), *scan_module(text)]:
        assert 0 <= finding.start <= finding.end <= len(text)


@pytest.mark.parametrize(
    ("code", "keywords"),
    [
        ("let f x = let y = 1 in y", ["let"]),
        ("let f x = 1 let g x = 2", ["let", "let"]),
        ("let rec f x = 1 and g x = 2", ["let"]),
        ("val f : int\nlet f = 1", ["val", "let"]),
        ("[@ attr] unfold let f = 1", ["let"]),
        ("let f x = begin let y = 1 in y end\nlet g = 2", ["let", "let"]),
        ("assume val f : int", ["assume"]),
        ("assume A: False", ["assume"]),
        ("open FStar.Mul\nlet f = let open FStar.List in 1", ["open", "let"]),
        ("type t = | A | B\nand u = | C", ["type"]),
        ('#set-options "--z3rlimit 5"\nlet f = 1', ["pragma", "let"]),
    ],
)
def test_top_level_structure(code: str, keywords: list[str]) -> None:
    assert [d.keyword for d in split_declarations(code)] == keywords


def test_mutual_names_are_seen() -> None:
    (declaration,) = split_declarations("let rec f x = let rec a = b and b = a in 1 and g y = 2")
    assert declaration.names == ("f", "g")


def test_a_module_may_set_safe_options_and_declare_several_things() -> None:
    code = '#set-options "--z3rlimit 20"\nval f : int\nlet f = 1\nlet g = f'
    assert scan_module(code) == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("val f : int\n", RejectReason.MISSING_DECLARATION),
        ('#set-options "--lax"\nlet f = 1', RejectReason.ADMIT),
        ('#set-options "--z3rlimit many"\nlet f = 1', RejectReason.FORBIDDEN_CONSTRUCT),
        ("friend Other\nlet f = 1", RejectReason.FORBIDDEN_CONSTRUCT),
        ("let f = assume False", RejectReason.ADMIT),
    ],
)
def test_a_module_is_scanned_too(code: str, reason: RejectReason) -> None:
    assert scan_module(code)[0].reason is reason


def test_deep_nesting_is_refused_before_it_overflows_a_stack() -> None:
    code = "let f = " + "(" * 5_000 + "1" + ")" * 5_000
    assert scan_definition(code, "f")[0].reason is RejectReason.FORBIDDEN_CONSTRUCT


def test_a_context_may_vouch_for_a_tactic() -> None:
    code = "let f x = assert (x == x) by (my_tactic ())"
    assert scan_definition(code, "f")[0].reason is RejectReason.FORBIDDEN_CONSTRUCT
    assert scan_definition(code, "f", (), ["my_tactic"]) == []
