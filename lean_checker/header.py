"""The modules that a text imports, read without Lean: which process it can be given to.

What decides is what the Lean server reads; a text whose head is read wrongly here is lent a process
that has to import once more.
"""

from __future__ import annotations

import re

from aludel.lean_text import UnreadableText, comment_end

_WORDS = frozenset({"module", "prelude", "public", "meta", "import", "all"})
_SPACE = re.compile(r"(?:\s|--[^\n]*)+")
_WORD = re.compile(r"[^\s]+")


def header_imports(code: str) -> tuple[str, ...]:
    """Return the names after ``import`` at the head of a text."""
    return read_header(code)[0]


def read_header(code: str) -> tuple[tuple[str, ...], int]:
    """Return the names after ``import`` at the head of a text, and where the head ends."""
    found: list[str] = []
    position, end, importing = 0, 0, False
    while True:
        position = _after_blank(code, position)
        word = _WORD.match(code, position)
        if word is None:
            return tuple(found), end
        if word[0] in _WORDS:
            importing = word[0] == "import" or (importing and word[0] == "all")
        elif importing:
            found.append(word[0].replace("«", "").replace("»", ""))
            importing = False
        else:
            return tuple(found), end
        position = end = word.end()


def _after_blank(code: str, position: int) -> int:
    """The place after white space and comments; documentation is no comment."""
    while True:
        if space := _SPACE.match(code, position):
            position = space.end()
        elif code.startswith("/-", position) and code[position + 2 : position + 3] not in "-!":
            try:
                position = comment_end(code, position)
            except UnreadableText:
                return len(code)
        else:
            return position
