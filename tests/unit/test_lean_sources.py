"""The Lean sources: each public definition has a doc comment, each line is within 100 columns."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "lean_checker" / "lean_server"
FILES = sorted(SOURCES.rglob("*.lean"))
COLUMNS = 100
# A comment may nest others, which the sources do not do; a character may be a quotation mark.
TOKEN = re.compile(
    r"""
    (?P<doc>/--.*?-/)
  | (?P<comment>/-.*?-/|--[^\n]*)
  | (?P<string>"(?:\\.|[^"\\])*")
  | (?P<char>'(?:\\[^u\n]|\\u[0-9a-fA-F]+|[^'\\\n])')
  | (?P<attribute>@\[[^\]]*\])
  | (?P<word>[^\W\d][\w'?!.«»]*)
  | (?P<other>\S)
    """,
    re.VERBOSE | re.DOTALL,
)
MODIFIERS = {"public", "protected", "noncomputable", "unsafe", "partial", "meta", "nonrec"}
DECLARING = {"def", "structure", "inductive", "abbrev", "theorem", "class", "opaque", "syntax"}


def undocumented(text: str) -> list[str]:
    """Return the public declarations of a Lean file that no doc comment stands before.

    Declarations begin at the start of a line; those of a ``where`` are indented and local.
    Attributes and modifiers may stand between the doc comment and the keyword.
    """
    missing: list[str] = []
    documented = False  # a doc comment, then nothing but attributes and modifiers
    leading = False  # nothing but attributes and modifiers since the start of a line
    tokens = list(TOKEN.finditer(text))
    for position, token in enumerate(tokens):
        kind, value = token.lastgroup, token.group()
        leading = leading or token.start() == 0 or text[token.start() - 1] == "\n"
        if kind == "doc":
            documented = True
        elif kind == "attribute" or (kind == "word" and value in MODIFIERS):
            continue
        elif kind != "comment":
            if leading and value in DECLARING and not documented:
                missing.append(f"{value} {tokens[position + 1].group()}")
            documented = leading = False
    return missing


def too_long(text: str) -> list[int]:
    """Return the numbers of the lines of more than 100 columns."""
    return [n for n, line in enumerate(text.splitlines(), 1) if len(line) > COLUMNS]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCES)))
def test_public_definitions_are_documented_within_the_columns(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert undocumented(text) == []
    assert too_long(text) == []


def test_the_lexer_sees_the_definitions_of_the_sources() -> None:
    bare = [re.sub(r"/--.*?-/", "", path.read_text(encoding="utf-8"), flags=re.S) for path in FILES]
    assert len(FILES) > 30 and sum(len(undocumented(text)) for text in bare) > 600


@pytest.mark.parametrize(
    ("planted", "missing"),
    [
        ("/-- Said. -/\ndef a : Nat := 1\ndef b : Nat := 2\n", ["def b"]),
        ("@[inline] partial def a : Nat := 1\n", ["def a"]),
        ("/-! Of the file. -/\nstructure S where\n  x : Nat\n", ["structure S"]),
        ("/-- Said. -/\nopen Lean\ninductive T where\n", ["inductive T"]),
        ("/-- Said. -/\ndef a := b\nwhere\n  /-- In. -/\n  b := 1\nabbrev c := 1\n", ["abbrev c"]),
        ('/-- Said. -/\ndef a := "\ndef b"\ntheorem d : True := trivial\n', ["theorem d"]),
        ("/-- Said. -/\ndef q := '\"'\nclass C where\n", ["class C"]),
    ],
)
def test_a_planted_definition_without_a_doc_comment_is_found(
    planted: str, missing: list[str]
) -> None:
    assert undocumented(planted) == missing


@pytest.mark.parametrize(
    "text",
    [
        "/-- Said. -/\n@[specialize] unsafe def a : Nat := 1\n",
        "/-- Said. -/\n@[inline]\n-- why\npartial def a : Nat := 1\n",
        "private def a : Nat := 1\n",
        "/-\ndef a : Nat := 1\n-/\n-- def b\n",
        "/-- Said. -/\ndef a : Nat := b\nwhere\n  b : Nat := 1\n",
    ],
)
def test_documented_private_and_local_definitions_pass(text: str) -> None:
    assert undocumented(text) == []


def test_a_planted_long_line_is_found() -> None:
    assert too_long("a" * COLUMNS + "\n" + "b" * (COLUMNS + 1) + "\n") == [2]
