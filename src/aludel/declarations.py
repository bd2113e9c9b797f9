"""Theorems of a Lean file as parts of its text, found without a grammar.

A command begins with a keyword that stands first on its line; what stands before it there, and doc
comments, attributes and ``... in`` lines above it, belong to it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from aludel.lean_text import Kind, Piece, pieces, significant

_THEOREMS = frozenset({"theorem", "lemma"})
_MODIFIERS = frozenset(
    {"private", "protected", "nonrec", "noncomputable", "public", "unsafe", "partial", "meta"}
)
# These begin a command wherever they are first on a line; no term and no tactic begins so.
_ANYWHERE = _THEOREMS | {
    "def", "abbrev", "instance", "structure", "inductive", "class", "namespace", "section", "end",
    "example", "axiom", "opaque", "mutual",
}  # fmt: skip
# These are tactics or parts of terms too, unless they stand in the first column.
_FIRST_COLUMN = {
    "open", "set_option", "variable", "universe", "attribute", "export", "include", "omit", "local",
    "scoped", "macro", "macro_rules", "syntax", "notation", "infix", "infixl", "infixr", "prefix",
    "postfix", "elab", "elab_rules", "declare_syntax_cat", "initialize", "deriving", "import",
    "module", "seal", "unseal", "run_cmd", "simproc", "alias",
}  # fmt: skip
_VISIBLE = re.compile(r"\S")


@dataclass(frozen=True)
class TheoremText:
    """A theorem's own text: ``code[start:end]``, with its name as it is written."""

    name: str
    start: int
    end: int


def theorems_in(code: str) -> list[TheoremText]:
    """Return the theorems that a text declares, in order; those of a ``mutual`` block are none.

    Raises:
        UnreadableText: the text cannot be divided into pieces.
    """
    found = pieces(code)
    starts = [piece.start for piece in found if _begins(code, piece)]
    telling = significant(found)
    theorems: list[TheoremText] = []
    begun: int | None = None
    mutual = False
    for start, end in itertools.pairwise([*starts, len(code)]):
        words = [piece for piece in telling if start <= piece.start < end]
        keyword, name = _keyword(words)
        begun = start if begun is None else begun
        if keyword is None or (words and words[-1].text == "in"):
            continue  # it belongs to the next
        if keyword in _THEOREMS and name and not mutual:
            theorems.append(TheoremText(name, begun, end))
        mutual = keyword == "mutual" or (mutual and keyword != "end")
        begun = None
    return theorems


def without(code: str, theorems: Sequence[TheoremText], kept: Collection[TheoremText]) -> str:
    """Return a text in which blanks stand for the theorems that are not kept; nothing moves."""
    made = code
    for theorem in theorems:
        if theorem not in kept:
            blanks = _VISIBLE.sub(" ", code[theorem.start : theorem.end])
            made = f"{made[: theorem.start]}{blanks}{made[theorem.end :]}"
    return made


def _begins(code: str, piece: Piece) -> bool:
    """Whether a command, or what belongs to one, begins with a piece."""
    line = code.rfind("\n", 0, piece.start) + 1
    if piece.depth or code[line : piece.start].strip():
        return False
    if piece.kind is Kind.COMMENT:
        return piece.text.startswith("/--")
    first_column = piece.start == line
    if piece.text in ("@", "#") or piece.text in _FIRST_COLUMN:
        return first_column
    return piece.kind is Kind.NAME and piece.text in _ANYWHERE | _MODIFIERS


def _keyword(words: Sequence[Piece]) -> tuple[str | None, str]:
    """Return the keyword of a command and the word behind it; None for attributes alone."""
    at = 0
    while at < len(words):
        word = words[at]
        if word.depth == 0 and word.text not in _MODIFIERS | {"@", "[", "]"}:
            following = words[at + 1] if at + 1 < len(words) else None
            named = following is not None and following.kind is Kind.NAME
            return word.text, following.text if following is not None and named else ""
        at += 1
    return None, ""
