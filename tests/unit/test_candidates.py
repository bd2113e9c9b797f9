"""What a model writes, and the candidate it becomes."""

from __future__ import annotations

from typing import Any, SupportsIndex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aludel.candidates import _in_plain_words, extract, unfit
from aludel.lean_text import pieces
from aludel.models import MAX_CODE_BYTES, CheckRequest

STATEMENT = "theorem t (a b : Nat) : a + b = b + a"
WHOLE = f"{STATEMENT} := by omega"
PROVED = f"{STATEMENT} := by omega\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (WHOLE, WHOLE),
        ("by omega", PROVED),
        (":= by omega", PROVED),
        ("Nat.add_comm a b", f"{STATEMENT} := Nat.add_comm a b\n"),
        (f"```lean4\n{WHOLE}\n```", f"{WHOLE}\n"),
        (f"Here:\n```lean\n{WHOLE}\n```\nDone.", f"{WHOLE}\n"),
        (f"```lean\nwrong\n```\nBetter:\n```lean\n{WHOLE}\n```", f"{WHOLE}\n"),
        (f"```lean\n{WHOLE}\n```\nIt prints\n```text\nok\n```", f"{WHOLE}\n"),
        ("```\nby omega\n```", PROVED),
        (f"```lean4\n{WHOLE}", WHOLE),
        ("<think>try simp\n```lean\nby simp\n```</think>\n```lean\nby omega\n```", PROVED),
        ("<think>no end ```lean\nby simp\n```", ""),
        (f"import Mathlib\nimport Aesop\n\n{WHOLE}", WHOLE),
        (f"-- c\nimport Mathlib -- all\n{WHOLE}", f" -- all\n{WHOLE}"),
        (f"module\n\npublic import Std\n{WHOLE}", WHOLE),
        (WHOLE.replace("theorem", "lemma"), WHOLE),
        (f"@[simp] lemma h : p := q\n\n{WHOLE}", f"@[simp] theorem h : p := q\n\n{WHOLE}"),
        ("by\n  have lemma' := 1\n  omega", f"{STATEMENT} := by\n  have lemma' := 1\n  omega\n"),
        ('by exact f "lemma x"', f'{STATEMENT} := by exact f "lemma x"\n'),
        ("", ""),
        ("   \n", "   \n"),
        (f"\ufeff{WHOLE}", WHOLE),
        (f"{WHOLE}\r\n", f"{WHOLE}\r\n"),
    ],
)  # fmt: skip
def test_what_becomes_of_an_answer(text: str, code: str) -> None:
    assert extract(text, STATEMENT) == code


@pytest.mark.parametrize("end", [" := by", " := by\n", " :=\n  by"])
def test_tactics_follow_a_statement_that_ends_in_by(end: str) -> None:
    shown = f"{STATEMENT}{end}"
    assert extract("omega", shown) == f"{STATEMENT} := by\n  omega\n"
    assert extract("  have h := 1\n  omega", shown) == (
        f"{STATEMENT} := by\n    have h := 1\n    omega\n"
    )
    assert extract("by omega", shown) == PROVED
    assert extract(f"```lean\n{WHOLE}\n```", shown) == f"{WHOLE}\n"


def test_without_a_statement_the_answer_is_the_file() -> None:
    assert extract("```lean\nexample : True := trivial\n```") == "example : True := trivial\n"


def test_a_statement_that_ends_in_a_comment() -> None:
    assert extract("by omega", f"{STATEMENT} -- easy") == PROVED


ODD = [
    "```",
    "```lean\n",
    "\n",
    "<think>",
    "</think>",
    "import",
    " ",
    "lemma",
    "x",
    "/-",
    '"',
    ":=",
    'theorem t : s!"{',
    '"{' * 400,
]


@given(st.text() | st.lists(st.sampled_from(ODD)).map("".join))
def test_nothing_that_is_written_is_an_error(text: str) -> None:
    for statement in (STATEMENT, None, "nonsense", "theorem t : /- open"):
        request = CheckRequest(code=extract(text, statement), statement=statement)
        unfit(request.code, 1_000_000)


def test_what_no_checker_takes_is_not_read() -> None:
    long = "(" * (MAX_CODE_BYTES + 1)
    assert extract(long, STATEMENT) == long
    assert extract("\ud800" * MAX_CODE_BYTES, STATEMENT) == "\ud800" * MAX_CODE_BYTES


class _Counted(str):
    """A text that counts the characters which are copied or searched out of it."""

    read = 0

    def __getitem__(self, place: SupportsIndex | slice) -> str:
        part = super().__getitem__(place)
        self.read += len(part)
        return part

    def rfind(self, *words: Any) -> int:
        raise AssertionError("a line is searched again for each of its pieces")


@pytest.mark.parametrize(
    "part",
    [
        "lemma a : True := trivial ", "x lemma ", "private lemma a ", "@[simp] lemma a\n",
        "lemma a /- c -/ ", "lemma -- c\n", 'lemma "s" ', "lemma 'a' ", "(lemma a ", "lemma\n\n",
    ],
)  # fmt: skip
def test_a_long_answer_is_read_a_few_times(part: str) -> None:
    text = _Counted(part * 1_000)
    _in_plain_words(text)
    assert text.read <= 4 * len(text)


@pytest.mark.parametrize("depth", [10, 51, 1_000, 100_000])
def test_strings_in_strings_are_an_answer_like_any_other(depth: int) -> None:
    text = WHOLE + '"{' * depth
    assert extract(text, STATEMENT).startswith(STATEMENT)
    closed = f"{WHOLE} " + 's!"{' * 10 + "1" + '}"' * 10
    assert extract(closed, STATEMENT) == closed
    assert "".join(piece.text for piece in pieces(closed)) == closed
