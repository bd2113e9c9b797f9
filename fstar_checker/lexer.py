"""A lexer for F* surface syntax: enough to scan hostile text and to blank its comments.

Rules follow F*'s own lexer (``FStar_Parser_LexFStar``): nested comments in which strings are not
special, longest match, ``'c'`` before type variables, ``` ``any text`` ``` as an identifier.
Where the
two could still disagree, :func:`blank_comments` keeps the scan sound: F* is given the text without
comments, so everything that it reads was scanned as code or as a literal.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from aludel.models import Position

NEWLINES = "\n\r\u2028\u2029"


def words(text: str) -> frozenset[str]:
    """Return the words of ``text`` as a set."""
    return frozenset(text.split())


KEYWORDS = words(
    """abstract and as assert assert_norm assume attributes begin by calc class decreases default
    effect else end ensures exception exists false forall friend fun function if in include inline
    inline_for_extraction instance introduce eliminate irreducible layered_effect let logic match
    module new new_effect noeq noextract of opaque open polymonadic_bind polymonadic_subcomp private
    quote range_of rec reflectable reifiable reify requires returns set_range_of sub_effect synth
    then
    total true try type unfold unfoldable unopteq val when with"""
)


class Kind(StrEnum):
    """Class of a token."""

    IDENT = "ident"
    KEYWORD = "keyword"
    NUMBER = "number"
    STRING = "string"
    CHAR = "char"
    TVAR = "tvar"
    PRAGMA = "pragma"
    SYMBOL = "symbol"
    QUOTED_IDENT = "quoted_ident"
    COMMENT = "comment"
    SPACE = "space"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its class, its text as written and its offset in code points."""

    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        """Offset just after the token."""
        return self.start + len(self.text)

    @property
    def name(self) -> str:
        """Last component of a qualified identifier; the text itself for other tokens."""
        return self.text.rsplit(".", 1)[-1] if self.kind is Kind.IDENT else self.text


_LETTER = r"[^\W\d_]"
_WORD = rf"(?:{_LETTER}|_)(?:{_LETTER}|[0-9'_])*"
_ESCAPE = r"\\(?:[\\\"'bfntrv0]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4})"
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"B?', re.DOTALL)
_LINE_COMMENT = re.compile(rf"//[^{NEWLINES}]*")
_QUOTED = re.compile(rf"``(?:[^`{NEWLINES}]|`[^`{NEWLINES}])+``")
_CHAR = re.compile(rf"'(?:[^'\\]|{_ESCAPE})'B?", re.DOTALL)
_TVAR = re.compile(rf"'(?:{_LETTER}|_)(?:{_LETTER}|[0-9'_])*")
_PRAGMA = re.compile(
    r"#(?:set-options|reset-options|push-options|pop-options|restart-solver|light|"
    r"print-effects-graph|show-options|check|eval|lang-\w+)\b|%splice(?:_t)?\b"
)
_IDENT = re.compile(rf"{_WORD}(?:\.{_WORD})*")
_NUMBER = re.compile(r"[0-9][0-9a-zA-Z_]*(?:\.[0-9][0-9a-zA-Z_]*)?")
_FIXED = re.compile(
    r"\(\||\|\)|\(\)|\[@@@|\[@@|\[@|\[\||\|\]|\.\(\||\.\[\||\.\(|\.\[|\{:pattern|"
    r"\{\||\|\}|`%|`#|`@|;;|[()\[\]{},;`#\\]"
)
_OPERATOR = re.compile(r"[!~?|&=<>$@^+\-*/%][!~?|&=<>$@^+\-*/%.:]*|::|:=|:|\.|[‖⸬▹◃]")
_SPACE = re.compile(r"\s+|\A\ufeff\s*")  # a byte order mark counts as space at the beginning


def tokenize(text: str) -> list[Token]:
    """Split ``text`` into tokens whose texts concatenate to ``text``; never raises.

    Text that no F* token starts with, and literals or comments left open, become ``ERROR`` tokens.
    """
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        token = _next(text, at)
        tokens.append(token)
        at = token.end
    return tokens


def _next(text: str, at: int) -> Token:
    if text.startswith("(*", at):
        return _comment(text, at)
    if text.startswith("//", at):
        match = _LINE_COMMENT.match(text, at)
        return Token(Kind.COMMENT, match.group() if match else "//", at)
    if text[at] == '"':
        match = _STRING.match(text, at)
        return Token(Kind.STRING, match.group(), at) if match else Token(Kind.ERROR, text[at:], at)
    if text[at] == "'":
        return _quote(text, at)
    return _plain(text, at)


def _comment(text: str, at: int) -> Token:
    depth, here = 0, at
    while here < len(text):
        if text.startswith("(*", here):
            depth, here = depth + 1, here + 2
        elif text.startswith("*)", here):
            depth, here = depth - 1, here + 2
            if depth == 0:
                return Token(Kind.COMMENT, text[at:here], at)
        else:
            here += 1
    return Token(Kind.ERROR, text[at:], at)


def _quote(text: str, at: int) -> Token:
    """A character literal or a type variable: the longer one, the literal on a tie."""
    char, tvar = _CHAR.match(text, at), _TVAR.match(text, at)
    if char and (not tvar or len(char.group()) >= len(tvar.group())):
        return Token(Kind.CHAR, char.group(), at)
    if tvar:
        return Token(Kind.TVAR, tvar.group(), at)
    return Token(Kind.ERROR, "'", at)


def _plain(text: str, at: int) -> Token:
    for kind, pattern in _PLAIN:
        match = pattern.match(text, at)
        if match:
            found = match.group()
            if kind is Kind.IDENT and found in KEYWORDS:
                return Token(Kind.KEYWORD, found, at)
            return Token(kind, found, at)
    mathematical = unicodedata.category(text[at]) == "Sm"
    return Token(Kind.SYMBOL if mathematical else Kind.ERROR, text[at], at)


_PLAIN = (
    (Kind.SPACE, _SPACE),
    (Kind.PRAGMA, _PRAGMA),
    (Kind.QUOTED_IDENT, _QUOTED),
    (Kind.IDENT, _IDENT),
    (Kind.NUMBER, _NUMBER),
    (Kind.SYMBOL, _FIXED),
    (Kind.SYMBOL, _OPERATOR),
)


def code_tokens(text: str) -> list[Token]:
    """Return the tokens of ``text`` without space and comments."""
    return [t for t in tokenize(text) if t.kind not in (Kind.SPACE, Kind.COMMENT)]


def blank_comments(text: str) -> str:
    """Replace every comment by spaces, keeping line breaks, so that positions stay as they were."""
    parts = []
    for token in tokenize(text):
        if token.kind is Kind.COMMENT:
            parts.append("".join(c if c in NEWLINES else " " for c in token.text))
        else:
            parts.append(token.text)
    return "".join(parts)


def position(text: str, offset: int) -> Position:
    """Return the place of ``offset``: line from 1, column from 0 in code points."""
    before = text[:offset]
    return Position(line=before.count("\n") + 1, column=offset - (before.rfind("\n") + 1))
