"""A lexer for Lean's surface text: comments, strings, characters, names, brackets, words.

It knows no grammar and no notation, so it answers only what holds under every notation: where
comments, literals and names begin and end. A text that it cannot tell apart is an error, never
another text (Lean 4, ``Lean.Parser.Basic``: ``whitespace``, ``strLitFn``, ``rawStrLitFn``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from aludel.errors import InvalidRequest

_WORD = r"[^\W\dλΠΣ](?:[^\WλΠΣ]|['!?])*"
_NAME = rf"(?:«[^«»\n]*»|{_WORD})(?:\.(?:«[^«»\n]*»|{_WORD}))*"
_CHARACTER = r"'(?:\\(?:x[0-9a-fA-F]{2}|u\{?[0-9a-fA-F]+\}?|.)|[^\\'\n])'"
# One alternative for each kind, the first that fits; of comments and strings the beginning alone.
_PIECE = re.compile(
    rf"(?P<space>\s+)|(?P<comment>--|/-)|(?P<raw>r#*\")|(?P<string>\")"
    rf"|(?P<character>{_CHARACTER})|(?P<name>{_NAME})|(?P<number>\d[\w.]*)|(?P<symbol>:=|=>|.)",
    re.DOTALL,
)
_STRING_END = re.compile(r'\\.|"', re.DOTALL)
_STRING_MARK = re.compile(r'\\.|["{]', re.DOTALL)
_COMMENT_MARK = re.compile("/-|-/")
_MOST_NESTED = 50
"""Strings in braces of strings that are read: each is a call within a call."""
_OPENING = {"(": ")", "[": "]", "{": "}", "⟨": "⟩", "⦃": "⦄", "⟦": "⟧"}
_CLOSING = frozenset(_OPENING.values())
# After one of these a comment's first character may belong to a longer token of some notation.
_PLAIN_BEFORE_COMMENT = re.compile(r"[\w\s\"'!?»)\]}⟩⦄⟧(\[{⟨⦃⟦,;]|^$")


class Kind(StrEnum):
    """Kinds of pieces of text."""

    SPACE = "space"
    COMMENT = "comment"
    STRING = "string"
    CHARACTER = "character"
    NAME = "name"
    NUMBER = "number"
    SYMBOL = "symbol"


_KINDS: dict[str | None, Kind] = {kind.value: kind for kind in Kind}


class Piece(NamedTuple):
    """A piece of a text; ``depth`` counts the brackets that are open before it."""

    kind: Kind
    text: str
    start: int
    depth: int


class UnreadableText(InvalidRequest):
    """A text that cannot be divided into pieces for certain."""


def pieces(text: str) -> list[Piece]:
    """Divide a text into pieces, which joined give the text again.

    Raises:
        UnreadableText: a comment or literal has no end, or where one begins depends on notation.
    """
    found = list(_scan(text, interpolated=False))
    if _has_interpolation(found):
        # ``s!"{f "--"}"``: which quotes belong together depends on the macro before them.
        other = list(_scan(text, interpolated=True))
        if _comments(other) != _comments(found):
            raise UnreadableText(
                "a string in braces of another string holds what may be a comment",
                fix="write the inner string elsewhere",
            )
    return found


def without_comments(text: str) -> str:
    """Return the text without its comments: a blank where two pieces would meet, line ends kept.

    Raises:
        UnreadableText: as :func:`pieces`.
    """
    found = pieces(text)
    kept = [
        _instead(found, index) if piece.kind is Kind.COMMENT else piece.text
        for index, piece in enumerate(found)
    ]
    return "".join(kept)


def significant(found: Sequence[Piece]) -> list[Piece]:
    """Return the pieces that are neither space nor comment."""
    return [piece for piece in found if piece.kind not in (Kind.SPACE, Kind.COMMENT)]


def ends_in_line_comment(text: str) -> bool:
    """Whether what is appended to the text's last line would be part of a comment.

    Raises:
        UnreadableText: as :func:`pieces`.
    """
    last = pieces(text)[-1:]
    return bool(last) and last[0].kind is Kind.COMMENT and last[0].text.startswith("--")


def comment_end(text: str, at: int) -> int:
    """Return where the comment that begins at ``at`` ends.

    Raises:
        UnreadableText: it has no end.
    """
    if text.startswith("--", at):
        end = text.find("\n", at)
        return len(text) if end < 0 else end
    depth = 0
    for mark in _COMMENT_MARK.finditer(text, at):
        # Marks do not share a character: ``/-/`` opens and does not close.
        depth += 1 if mark[0] == "/-" else -1
        if depth == 0:
            return mark.end()
    raise UnreadableText("a comment has no end", fix="close it with `-/`")


def indented(text: str, by: str = "  ") -> str:
    """Return the text with every line moved right, except those that begin inside a literal.

    Raises:
        UnreadableText: as :func:`pieces`.
    """
    literal = (Kind.STRING, Kind.CHARACTER, Kind.NAME)
    inside = {
        at
        for piece in pieces(text)
        if piece.kind in literal
        for at in range(piece.start + 1, piece.start + len(piece.text) + 1)
        if text[at - 1] == "\n"
    }
    moved, at = [], 0
    for line in text.split("\n"):
        moved.append(by + line if line.strip() and at not in inside else line)
        at += len(line) + 1
    return "\n".join(moved)


def _instead(found: Sequence[Piece], index: int) -> str:
    """Return what stands for a comment: its line ends, or a blank where there is none beside it."""
    if ends := found[index].text.count("\n"):
        return "\n" * ends
    beside = (*found[max(0, index - 1) : index], *found[index + 1 : index + 2])
    return "" if len(beside) < 2 or any(p.kind is Kind.SPACE for p in beside) else " "


def _comments(found: Sequence[Piece]) -> list[tuple[int, str]]:
    return [(piece.start, piece.text) for piece in found if piece.kind is Kind.COMMENT]


def _has_interpolation(found: Sequence[Piece]) -> bool:
    return any(piece.kind is Kind.STRING and "{" in piece.text for piece in found)


def _scan(text: str, *, interpolated: bool) -> Iterator[Piece]:
    at, open_brackets = 0, 0
    while at < len(text):
        kind, end = _next(text, at, interpolated=interpolated)
        piece = text[at:end]
        if kind is Kind.SYMBOL and piece in _CLOSING:
            open_brackets = max(0, open_brackets - 1)
        yield Piece(kind, piece, at, open_brackets)
        if kind is Kind.SYMBOL and piece in _OPENING:
            open_brackets += 1
        at = end


def _next(text: str, at: int, *, interpolated: bool, within: int = 0) -> tuple[Kind, int]:
    """Return the kind of the piece at ``at``, and where it ends.

    Args:
        text: holds it.
        at: where it begins.
        interpolated: whether braces in strings hold terms.
        within: strings that it stands in the braces of.
    """
    begun = _PIECE.match(text, at)
    if begun is None:
        raise UnreadableText("the text has ended")  # for a piece may be any character
    match begun.lastgroup:
        case "comment":
            if not _PLAIN_BEFORE_COMMENT.match(text[at - 1] if at else ""):
                raise UnreadableText(
                    f"whether `{text[at - 1 : at + 2]}` begins a comment depends on notation",
                    fix="put a blank before the comment",
                )
            return Kind.COMMENT, comment_end(text, at)
        case "raw":
            return Kind.STRING, _raw_end(text, begun)
        case "string":
            return Kind.STRING, _string_end(text, at, interpolated=interpolated, within=within)
        case kind:
            return _KINDS[kind], begun.end()


def _raw_end(text: str, opening: re.Match[str]) -> int:
    mark = '"' + "#" * (len(opening["raw"]) - 2)
    end = text.find(mark, opening.end())
    if end < 0:
        raise UnreadableText("a raw string has no end", fix=f"close it with `{mark}`")
    return end + len(mark)


def _string_end(text: str, at: int, *, interpolated: bool, within: int) -> int:
    here = at + 1
    while mark := (_STRING_MARK if interpolated else _STRING_END).search(text, here):
        if mark[0] == '"':
            return mark.end()
        here = _braces_end(text, mark.start(), within + 1) if mark[0] == "{" else mark.end()
    raise UnreadableText("a string has no end", fix='close it with `"`')


def _braces_end(text: str, at: int, within: int) -> int:
    """Return where the term in the braces of an interpolated string ends."""
    if within > _MOST_NESTED:
        raise UnreadableText(f"strings nest more than {_MOST_NESTED} deep", fix="write them apart")
    depth, here = 0, at
    while here < len(text):
        kind, end = _next(text, here, interpolated=True, within=within)
        if kind is Kind.SYMBOL and text[here] in "{}":
            depth += 1 if text[here] == "{" else -1
            if depth == 0:
                return end
        here = end
    raise UnreadableText("a brace in a string has no end", fix="close it with `}`")
