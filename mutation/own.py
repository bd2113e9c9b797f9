"""The theorem of a user's own text: which one it is, and the text as what stands before variants.

A variant is text after the user's. So that the lines of that text mean nothing to it (``universe``,
``variable``, ``open``, local notation), they are enclosed in a section.
"""

from __future__ import annotations

from typing import NamedTuple

from aludel.errors import InvalidRequest
from aludel.lean_text import Kind, Piece, UnreadableText, pieces, significant
from aludel.statements import LOCAL_RECURSION, declares_recursion, proof_begins

_THEOREMS = frozenset({"theorem", "lemma"})
_HEADER = frozenset({"module", "prelude", "import", "public", "meta", "all"})
_OPENING = frozenset({"namespace", "section", "mutual"})
# Words after ``section`` or ``end`` on the same line that begin a command, and name nothing.
_COMMANDS = frozenset(
    {
        "abbrev", "attribute", "axiom", "class", "def", "end", "example", "export", "inductive",
        "infix", "infixl", "infixr", "instance", "lemma", "local", "macro", "mutual", "namespace",
        "noncomputable", "notation", "opaque", "open", "postfix", "prefix", "private",
        "protected", "public", "scoped", "section", "set_option", "structure", "syntax", "theorem",
        "universe", "variable",
    }
)  # fmt: skip


class OwnTheorem(NamedTuple):
    """The last theorem of a text.

    Attributes:
        name: its full name, without what Lean puts before a private one.
        preamble: the text, enclosed, to stand before variants.
    """

    name: str
    preamble: str


class _Scope(NamedTuple):
    word: str
    name: str


def last_theorem(text: str) -> OwnTheorem:
    """Return the last theorem that a text declares, whatever follows it.

    Raises:
        InvalidRequest: there is none, its statement declares a function, or the text cannot be
            divided into words.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        found = significant(pieces(text))
    except UnreadableText as error:
        raise InvalidRequest(error.message, field="statement", fix=error.fix) from error
    begin = _after_header(found)
    name, at, opened = _scan(text, found[begin:])
    if name is None:
        raise InvalidRequest(
            "it declares no theorem", field="statement", fix="give a theorem with its proof"
        )
    declaration = found[begin + at :]
    if declares_recursion(text[declaration[0].start : proof_begins(text, declaration)]):
        fix = "state it with a definition before the theorem"
        raise InvalidRequest(LOCAL_RECURSION, field="statement", fix=fix)
    body = text[found[begin].start :].rstrip()
    ends = "".join(f"\nend {scope.name}".rstrip() for scope in reversed(opened))
    return OwnTheorem(name, f"section\n{body}\n{ends}\nend\n\n")


def names_it(declared: str, name: str) -> bool:
    """Whether Lean's name of a constant is that of the theorem ``name``, private or not."""
    is_private = declared.startswith("_private.")
    return declared.endswith(f".0.{name}") if is_private else declared == name


def _after_header(found: list[Piece]) -> int:
    """Return the index of the first piece after ``module`` and the imports."""
    at = 0
    while at < len(found) and found[at].text in _HEADER:
        is_import = found[at].text == "import"
        at += 1
        while is_import and at < len(found) and found[at].text in _HEADER:
            at += 1
        at += is_import
    return at


def _scan(text: str, found: list[Piece]) -> tuple[str | None, int, list[_Scope]]:
    """Return the last theorem's full name and place, and the scopes that are open at the end."""
    scopes: list[_Scope] = []
    name, at = None, 0
    for index, piece in enumerate(found):
        if piece.depth or piece.kind is not Kind.NAME:
            continue
        following = found[index + 1] if index + 1 < len(found) else None
        if piece.text in _THEOREMS and following and following.kind is Kind.NAME:
            name, at = _full_name(scopes, following.text), index
        elif piece.text in _OPENING:
            scopes += _opened(piece.text, _name_after(text, piece, following))
        elif piece.text == "end":
            closed = _name_after(text, piece, following)
            del scopes[max(0, len(scopes) - max(1, len(_components(closed)))) :]
    return name, at, scopes


def _name_after(text: str, piece: Piece, following: Piece | None) -> str:
    """Return the name of a scope: what stands on the line of its word, unless it is a command."""
    if following is None or following.kind is not Kind.NAME or following.text in _COMMANDS:
        return ""
    return "" if "\n" in text[piece.start : following.start] else following.text


def _opened(word: str, name: str) -> list[_Scope]:
    return [_Scope(word, part) for part in _components(name)] or [_Scope(word, "")]


def _full_name(scopes: list[_Scope], declared: str) -> str:
    if declared.startswith("_root_."):
        return declared.removeprefix("_root_.")
    spaces = [scope.name for scope in scopes if scope.word == "namespace"]
    return ".".join([*spaces, declared])


def _components(name: str) -> list[str]:
    """Return the components of a name, those in «» whole."""
    parts: list[str] = []
    quoted = False
    for part in name.split(".") if name else ():
        if quoted:
            parts[-1] += f".{part}"
        else:
            parts.append(part)
        quoted = parts[-1].startswith("«") and not parts[-1].endswith("»")
    return parts
