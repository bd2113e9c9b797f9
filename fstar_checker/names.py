"""Which names a candidate binds, found in its tokens.

F* resolves names; this module only tells where a name may be bound, so that a local variable is not
taken for the library's function of the same name. Where that question decides over acceptance, the
variable is spelt otherwise in the text that F* is given: a use outside its scope is then a name
that F* does not know.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aludel.fstar_checker.lexer import Kind, Token
from aludel.fstar_checker.structure import CLOSERS, OPENERS

_HEADS = {"let": "=", "and": "=", "fun": "->", "forall": ".", "exists": ".",
          "∀": ".", "∃": ".", "with": "->", "function": "->", "|": "->"}  # fmt: skip
"""Where a pattern begins, and the token that ends it at the same depth."""

_STOPS = frozenset(("let", "in", "then", "else", "match", "if", "begin", ";", "fun", "assert"))
_FILLERS = "0123456789'"
SHORTEST_HIDDEN = 3
"""A variable with a shorter name could not be spelt so that it is nobody's."""


@dataclass(frozen=True)
class Renaming:
    """A variable to spell otherwise at some tokens, and only there."""

    name: str
    indices: tuple[int, ...]


def is_variable(token: Token) -> bool:
    """Whether a token is an identifier that may be a variable: lower case, in no module."""
    return token.kind is Kind.IDENT and "." not in token.text and _is_lower(token.text)


def components(token: Token) -> list[str]:
    """The parts of a dotted identifier."""
    return token.text.split(".")


def after_projector(tokens: Sequence[Token], index: int) -> bool:
    """Whether a name follows a dot or a projector (``Cons?.hd``): a field's, never a variable's."""
    return _text(tokens, index - 1) in (".", "?.")


def binders(tokens: Sequence[Token]) -> frozenset[int]:
    """Indices of the tokens at which ``let``, ``fun``, a pattern or a quantifier binds a name."""
    return frozenset(_heads(tokens))


def bound_throughout(tokens: Sequence[Token]) -> frozenset[str]:
    """Names of which no use is plainly outside the scopes in which they are bound.

    Plainly outside is: before any binder, after the bracket that holds the binder, and for an
    argument of a local ``let`` after its ``in``. The rest of scoping is F*'s to find.
    """
    scopes: dict[str, list[tuple[int, int]]] = {}
    for index, head in _heads(tokens).items():
        end = _scope_end(tokens, head, is_argument=_is_argument(tokens, index, head))
        scopes.setdefault(tokens[index].text, []).append((head, end))
    return frozenset(
        name
        for name, spans in scopes.items()
        if all(any(a < i < b for a, b in spans) for i in occurrences(tokens, name))
    )


def _heads(tokens: Sequence[Token]) -> dict[int, int]:
    """Index of each binding token, with that of the word or sign that makes it one."""
    found: dict[int, int] = {}
    for index, token in enumerate(tokens):
        if token.kind not in (Kind.KEYWORD, Kind.SYMBOL):
            continue
        end = _HEADS.get(token.text)
        if end is not None and _text(tokens, index + 1) != "open":
            found.update((at, index) for at in _pattern(tokens, index + 1, end))
        elif token.text == "val" and index + 1 < len(tokens) and is_variable(tokens[index + 1]):
            found[index + 1] = index
        elif token.text in ("{", ";") and _text(tokens, index + 2) == ":":
            # A field of a record type: the whole text may name it.
            found.update((i, -1) for i in (index + 1,) if is_variable(tokens[i]))
    return found


def _is_argument(tokens: Sequence[Token], index: int, head: int) -> bool:
    """Whether a name is an argument of the function that a ``let`` or ``and`` at ``head`` binds."""
    if _text(tokens, head) not in ("let", "and"):
        return False
    first = head + (2 if _text(tokens, head + 1) == "rec" else 1)
    return index > first and first < len(tokens) and is_variable(tokens[first])


def _scope_end(tokens: Sequence[Token], head: int, *, is_argument: bool) -> int:
    """The index at which the scope of what is bound at ``head`` has ended for sure."""
    if head < 0:
        return len(tokens)
    depth = lets = 0
    for index in range(head + 1, len(tokens)):
        token = tokens[index]
        if token.kind not in (Kind.SYMBOL, Kind.KEYWORD):
            continue
        if token.text in OPENERS:
            depth += 1
        elif token.text in CLOSERS:
            depth -= 1
            if depth < 0:
                return index
        elif depth == 0 and is_argument and token.text == "let":
            lets += 1
        elif depth == 0 and is_argument and token.text == "in":
            lets -= 1
            if lets < 0:
                return index
    return len(tokens)


def occurrences(tokens: Sequence[Token], name: str) -> tuple[int, ...]:
    """Indices of the tokens that may refer to the variable ``name``, projections from it too."""
    return tuple(
        index
        for index, token in enumerate(tokens)
        if token.kind is Kind.IDENT
        and components(token)[0] == name
        and not after_projector(tokens, index)
    )


def renamed(
    text: str, tokens: Sequence[Token], renamings: Sequence[Renaming], avoid: str = ""
) -> tuple[str, dict[str, str]]:
    """Spell variables otherwise, at the same length, so that every position stays what it was.

    Args:
        text: what ``tokens`` were read from.
        tokens: its tokens.
        renamings: what to spell otherwise.
        avoid: text in whose scope the new spellings must mean nothing.

    Returns:
        The new text, and the old spelling of each new one.

    Raises:
        ValueError: there is no spelling left.
    """
    old: dict[str, str] = {}
    changed = list(text)
    taken = text + avoid
    for renaming in renamings:
        spelling = _fresh(renaming.name, taken, old)
        old[spelling] = renaming.name
        for index in renaming.indices:
            start = tokens[index].start
            changed[start : start + len(renaming.name)] = spelling
    return "".join(changed), old


def _fresh(name: str, taken: str, used: dict[str, str]) -> str:
    for spelling in _spellings(name, taken):
        if spelling not in used and not _is_word_of(spelling, taken):
            return spelling
    raise ValueError(f"no other spelling of {name} is left")


def _spellings(name: str, text: str) -> Iterator[str]:
    """Identifiers of the length of ``name``, in a fixed order; long ones are odd enough."""
    length = len(name)
    if length < SHORTEST_HIDDEN:
        tails = ("",) if length == 1 else tuple(_FILLERS)
        yield from (letter + tail for letter in string.ascii_lowercase[::-1] for tail in tails)
        return
    for attempt in range(1000):
        seed = hashlib.sha256(f"{attempt}:{name}:{text}".encode()).digest()
        tail = "".join(_FILLERS[byte % len(_FILLERS)] for byte in seed)
        yield "q" + (tail * (length // len(tail) + 1))[: length - 2] + "'"


def _is_word_of(word: str, text: str) -> bool:
    """Whether ``word`` stands in ``text``, not as a part of a longer identifier."""
    at = text.find(word)
    while at >= 0:
        around = text[at - 1 : at] + text[at + len(word) : at + len(word) + 1]
        if not any(c.isalnum() or c in "_'" for c in around):
            return True
        at = text.find(word, at + 1)
    return False


def _pattern(tokens: Sequence[Token], start: int, end: str) -> Iterator[int]:
    """Yield the variables of the pattern at ``start``; none where no ``end`` closes it."""
    found: list[int] = []
    in_type = [False]
    for index in range(start, len(tokens)):
        token = tokens[index]
        is_sign = token.kind in (Kind.SYMBOL, Kind.KEYWORD)
        if is_sign and token.text in OPENERS:
            in_type.append(in_type[-1] or (token.text == "{" and _refines(tokens, index)))
        elif is_sign and token.text in CLOSERS:
            if len(in_type) == 1:
                return
            in_type.pop()
        elif is_sign and len(in_type) == 1 and token.text in (end, "when"):
            yield from found
            return
        elif is_sign and len(in_type) == 1 and token.text in _STOPS:
            return
        elif is_sign and token.text == ":":
            in_type[-1] = True
        elif is_variable(token) and not in_type[-1] and not _is_field(tokens, index):
            found.append(index)


def _refines(tokens: Sequence[Token], index: int) -> bool:
    """Whether a brace refines the type before it, and is no record pattern."""
    before = tokens[index - 1]
    return before.kind is Kind.IDENT or before.text in CLOSERS


def _is_field(tokens: Sequence[Token], index: int) -> bool:
    if after_projector(tokens, index):
        return True
    return _text(tokens, index + 1) == "=" and _text(tokens, index - 1) in ("{", ";")


def _text(tokens: Sequence[Token], index: int) -> str:
    return tokens[index].text if 0 <= index < len(tokens) else ""


def _is_lower(text: str) -> bool:
    return text[:1] == "_" or text[:1].islower()
