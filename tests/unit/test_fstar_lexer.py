"""The F* lexer: nothing is lost, comments vanish without moving anything, literals stay closed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aludel.fstar_checker.lexer import Kind, blank_comments, code_tokens, position, tokenize

PIECES = st.sampled_from(
    ["(*", "*)", "//", '"', "'", "\\", "\n", " ", "admit", "let", "x'", "'a", "`", "``", "(", ")",
     "*", "/", "#set-options", "[@", "in", "0x1F", "∀", "→", "é", "\u2028", "=", ":", "."]
)  # fmt: skip
TEXT = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=30).map("".join))


@given(TEXT)
def test_tokens_concatenate_to_the_text(text: str) -> None:
    assert "".join(t.text for t in tokenize(text)) == text


@given(TEXT)
def test_blanking_moves_nothing(text: str) -> None:
    blank = blank_comments(text)
    assert len(blank) == len(text)
    assert [i for i, c in enumerate(blank) if c == "\n"] == [
        i for i, c in enumerate(text) if c == "\n"
    ]


@given(TEXT)
def test_blanking_leaves_the_code(text: str) -> None:
    """What F* is given holds the same code, and no comment: blanking twice changes nothing."""
    blank = blank_comments(text)
    assert [(t.kind, t.text) for t in code_tokens(blank)] == [
        (t.kind, t.text) for t in code_tokens(text)
    ]
    assert all(t.kind is not Kind.COMMENT for t in tokenize(blank))


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("'a'", [Kind.CHAR]),
        ("'a", [Kind.TVAR]),
        ("'a'b", [Kind.TVAR]),
        ("'\"'", [Kind.CHAR]),
        ("'\\n'", [Kind.CHAR]),
        ("x'", [Kind.IDENT]),
        ('"a\\"b"', [Kind.STRING]),
        ('"open', [Kind.ERROR]),
        ("(* a (* b *) c *)", []),
        ("(* open (* *)", [Kind.ERROR]),
        ("(**)", []),
        ("// IN F*: admit ()", []),
        ("``any text``", [Kind.QUOTED_IDENT]),
        ("FStar.List.Tot.length", [Kind.IDENT]),
        ("#push-options", [Kind.PRAGMA]),
        ("%splice", [Kind.PRAGMA]),
        ("[@@@", [Kind.SYMBOL]),
        ("assume", [Kind.KEYWORD]),
        ("assumed", [Kind.IDENT]),
    ],
)
def test_token_classes(text: str, kinds: list[Kind]) -> None:
    assert [t.kind for t in code_tokens(text)] == kinds


def test_an_operator_swallows_slashes_as_in_fstar() -> None:
    """``*//`` is one operator to F*, so what follows it is code and must be scanned."""
    assert [t.text for t in code_tokens("x *// admit")] == ["x", "*//", "admit"]


def test_a_unicode_line_separator_ends_a_line_comment() -> None:
    assert [t.text for t in code_tokens("// note\u2028admit")] == ["admit"]


def test_positions_count_code_points() -> None:
    where = position("é→\nab", 4)
    assert (where.line, where.column) == (2, 1)
