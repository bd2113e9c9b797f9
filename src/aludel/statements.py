"""Statements as text: a declaration without its proof, and the candidates made of it.

Every candidate that Aludel makes from a statement and a proof is made here, and every declaration
that people hand over becomes a statement here.
"""

from __future__ import annotations

import itertools
import re
from typing import NamedTuple

from aludel.errors import InvalidRequest
from aludel.lean_text import (
    Kind,
    Piece,
    UnreadableText,
    ends_in_line_comment,
    pieces,
    significant,
    without_comments,
)

_KEYWORDS = ("theorem", "lemma")
_MODIFIERS = frozenset(
    {"private", "protected", "nonrec", "noncomputable", "public", "unsafe", "partial", "meta"}
)
# Each takes one ``:=`` of its own inside a term.
_BINDS = frozenset({"let", "have", "letI", "haveI", "let_fun", "set", "obtain"})
_OPEN_ENDS = ("", "by", "sorry", "by sorry")


_IMPORT = re.compile(r"(?:public\s+)?import\s+(?:all\s+)?(\S+)")
_KEPT = re.compile(r"(?:open|set_option|variable|universe|include|omit)\s")
_SECTION = re.compile(r"(?:noncomputable\s+)?section(?:\s+\S+)?")
_DROPPED = re.compile(rf"module|{_SECTION.pattern}|set_option\s+maxHeartbeats\s+\d+")
_MAY_DECLARE = re.compile(rf"@|(?:{'|'.join(sorted({*_KEYWORDS, *_MODIFIERS}))})\b")
_END = re.compile(r"\s*\bend(?:[ \t]+\S+)?\s*\Z")


LOCAL_RECURSION = (
    "it declares a function by `let rec`, which is a constant of the declaration's own"
)
"""Why a statement is none: what it says would depend on who declares it (decision 0095)."""


class UnusableText(InvalidRequest):
    """A text that is not the statement of one theorem; the message says why."""


class HasDeclarations(UnusableText):
    """A text whose statement needs declarations before it; ``command`` is the first."""

    def __init__(self, command: str) -> None:
        super().__init__(f"a statement cannot carry `{command[:80]}`")
        self.command = command


class Declared(NamedTuple):
    """A statement: ``theorem NAME …`` without comments, attributes and an open end."""

    name: str
    statement: str


class Header(NamedTuple):
    """A declaration with its header: ``opened`` are lines that end in ``in``."""

    imports: tuple[str, ...]
    opened: str
    declaration: str


def with_proof(statement: str, proof: str) -> str:
    """Return a statement with its proof: what stands after ``:=``.

    Args:
        statement: a declaration without its proof; it may end in a comment.
        proof: a term, or ``by`` and tactics.
    """
    bare = statement.rstrip()
    try:
        on_its_line = not ends_in_line_comment(bare)
    except UnreadableText:
        on_its_line = False
    return f"{bare} := {proof}\n" if on_its_line else f"{bare}\n:= {proof}\n"


def declared(text: str, name: str | None = None) -> Declared:
    """Return the statement that a text declares.

    Args:
        text: a declaration; an open end (``:= by sorry`` and the like) is cut off, ``lemma`` is
            ``theorem``.
        name: the full name, which replaces a declared one that is its end.

    Raises:
        UnusableText: it does not begin as a theorem, states nothing, declares a function of its
            own, or holds a proof.
    """
    bare = _bare(text)
    found = significant(pieces(bare))
    begin = _keyword(found)
    declaring = found[begin + 1]
    rest = bare[declaring.start + len(declaring.text) : _statement_end(bare, found[begin:])]
    if not significant(pieces(rest)):
        raise UnusableText("it states nothing")
    if declares_recursion(rest):
        raise UnusableText(LOCAL_RECURSION, fix="state it with a definition of the imports")
    shown = declaring.text
    full = name if name and name.endswith(f".{shown}") else shown
    return Declared(full, f"theorem {full}{rest}".rstrip())


def split_header(text: str) -> Header:
    """Divide a text into imports, ``open … in`` lines for a statement, and the declaration.

    ``variable`` lines are kept likewise, and mean what they mean in a file.

    Raises:
        UnusableText: something else stands before the declaration, which a statement cannot carry.
    """
    lines = _bare(text).strip().split("\n")
    imports: list[str] = []
    kept: list[str] = []
    sections = 0
    while lines and not _begins(lines):
        command = _next_command(lines)
        if imported := _IMPORT.fullmatch(command):
            imports.append(imported[1])
        elif _DROPPED.fullmatch(command):
            sections += _SECTION.fullmatch(command) is not None
        elif _KEPT.match(command):
            kept.append(command if command.endswith(" in") else f"{command} in")
        elif command:
            raise HasDeclarations(command)
    declaration = "\n".join(lines)
    for _ in range(sections):
        declaration = _END.sub("", declaration)
    opened = "".join(f"{command}\n" for command in kept)
    return Header(tuple(dict.fromkeys(imports)), opened, declaration)


def without_proof(text: str) -> str:
    """Return a declaration without its proof.

    Raises:
        UnusableText: it is not one declaration of a theorem.
    """
    bare = _bare(text)
    found = significant(pieces(bare))
    begin = _keyword(found)
    end = proof_begins(bare, found[begin:])
    if declares_theorem(bare[end:]):
        raise UnusableText("it declares more than one theorem")
    return bare[:end]


def _next_command(lines: list[str]) -> str:
    """Take the first line from ``lines``, and the indented ones that go on with it."""
    command = [lines.pop(0).strip()]
    while command[0] and lines and _goes_on(lines):
        command.append(lines.pop(0).strip())
    return " ".join(filter(None, command))


def _goes_on(lines: list[str]) -> bool:
    line = lines[0].strip()
    own = _KEPT.match(line) or _IMPORT.fullmatch(line) or _DROPPED.fullmatch(line)
    return lines[0][:1].isspace() and not own and not _begins(lines)


def declares_recursion(text: str) -> bool:
    """Whether a statement declares a function by ``let rec``; what cannot be read does not."""
    try:
        found = significant(pieces(text))
    except UnreadableText:
        return False
    return any(
        (first.text, second.text) == ("let", "rec")
        and (third.kind is Kind.NAME or third.text == "@")
        for first, second, third in zip(found, found[1:], found[2:], strict=False)
    )


def declares_theorem(text: str) -> bool:
    """Whether a text is a file with a theorem, and not the proof of one.

    What cannot be read counts as a proof: the checker says what is wrong with it.
    """
    if not any(word in text for word in _KEYWORDS):
        return False  # dividing a long text into pieces takes seconds
    try:
        found = significant(pieces(text))
    except UnreadableText:
        return False
    return any(
        piece.text in _KEYWORDS and piece.depth == 0 and following.kind is Kind.NAME
        for piece, following in itertools.pairwise(found)
        if piece.kind is Kind.NAME
    )


def _bare(text: str) -> str:
    try:
        return without_comments(text.removeprefix("\ufeff"))
    except UnreadableText as error:
        raise UnusableText(error.message, fix=error.fix) from error


def _begins(lines: list[str]) -> bool:
    """Whether lines without comments begin as a declaration; most are told by their first word."""
    line = lines[0].strip()
    if not _MAY_DECLARE.match(line) or _IMPORT.fullmatch(line) or _DROPPED.fullmatch(line):
        return False
    try:
        _keyword(significant(pieces("\n".join(lines))))
    except InvalidRequest:
        return False
    return True


def _keyword(found: list[Piece]) -> int:
    """Return the index of the declaration's keyword, after attributes and modifiers."""
    at = 0
    while at < len(found):
        piece = found[at]
        if piece.depth == 0 and piece.text in _KEYWORDS:
            if at + 1 < len(found) and found[at + 1].kind is Kind.NAME:
                return at
            break
        in_attribute = piece.depth > 0 or piece.text in ("@", "[", "]")
        if not (in_attribute or piece.text in _MODIFIERS):
            break
        at += 1
    raise UnusableText("it does not begin with `theorem` or `lemma` and a name")


def _statement_end(bare: str, found: list[Piece]) -> int:
    """Return where the proof's ``:=`` stands, if nothing but an open end follows that.

    Raises:
        UnusableText: a proof follows, as a term, tactics, alternatives or ``where``.
    """
    begin = proof_begins(bare, found)
    after = " ".join(bare[begin:].removeprefix(":=").split())
    if after not in _OPEN_ENDS:
        raise UnusableText("it holds a proof")
    return begin


def proof_begins(text: str, found: list[Piece]) -> int:
    """Return where the proof of a declaration begins: its ``:=``, ``where`` or first alternative.

    Args:
        text: holds the declaration.
        found: its pieces from the declaration's keyword on.
    """
    outer = [piece for piece in found if piece.depth == 0]
    bound = 0
    for index, piece in enumerate(outer):
        if piece.kind is Kind.NAME and piece.text in _BINDS:
            bound += 1
        elif piece.text == "where" or (piece.text == "|" and _is_alternative(text, outer, index)):
            return piece.start
        elif piece.text == ":=" and bound:
            bound -= 1
        elif piece.text == ":=":
            return piece.start
    return len(text)


def _is_alternative(bare: str, outer: list[Piece], index: int) -> bool:
    """Whether a bar begins an alternative of the declaration, and not of a ``match`` in it."""
    start = outer[index].start
    at_line_start = not bare[bare.rfind("\n", 0, start) + 1 : start].strip()
    before = {piece.text for piece in outer[:index]}
    follows = any(piece.text == "=>" for piece in outer[index:])
    return at_line_start and follows and not before & {"match", "fun", "λ", "by", "nomatch"}
