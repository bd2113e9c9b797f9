"""The negation of a statement, as text.

The text is made without Lean, so that it is not believed: :mod:`aludel.disproofs.run` has Lean
apply an accepted negation to the statement itself, which must give ``False``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aludel.errors import InvalidRequest
from aludel.lean_text import Kind, Piece, pieces, significant
from aludel.statements import UnusableText, declared, split_header

_FIX = "give `theorem NAME BINDERS : TYPE` without a proof"
_MOST_LEADING = 12
_CLOSE = {"(": ")", "{": "}", "[": "]", "⦃": "⦄", "⟨": "⟩", "⟦": "⟧"}


@dataclass(frozen=True, slots=True)
class Binder:
    """A variable of a statement; ``type`` is empty where the text does not say it."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Negation:
    """A statement and what denies it.

    Attributes:
        opened: lines before either that end in ``in``.
        original: the statement, ``theorem NAME …``.
        name: the name it declares.
        statement: the statement of the negation.
        negated: the name that it declares.
        universes: ``.{u}`` as the statement has it, else empty.
        binders: variables of the statement, as far as the text tells.
        imports: the import set.
    """

    opened: str
    original: str
    name: str
    statement: str
    negated: str
    universes: str
    binders: tuple[Binder, ...]
    imports: tuple[str, ...]


def negation_of(text: str, imports: tuple[str, ...] | None = None) -> Negation:
    """Return the negation of a statement.

    Args:
        text: ``theorem NAME …``, perhaps with imports, lines that end in ``in``, and an open end.
        imports: the import set; None takes that of the text's own header, or ``Init``.

    Raises:
        InvalidRequest: the text is no statement, or one whose parts cannot be told apart.
    """
    try:
        header = split_header(text)
        name, original = declared(header.declaration)
    except UnusableText as error:
        error.field, error.fix = "statement", error.fix or _FIX
        raise
    rest = original.removeprefix("theorem ").lstrip().removeprefix(name)
    found = pieces(rest)
    _ensure_balanced(found)
    universes, binders, kind = _parts(rest, found)
    negated = f"{name}.negation"
    claim = f"∀ {binders}, {kind}" if binders else kind
    return Negation(
        opened=header.opened,
        original=header.opened + original,
        name=name,
        statement=f"{header.opened}theorem {negated}{universes} : ¬ ({claim})",
        negated=negated,
        universes=universes,
        binders=(*_groups(binders), *_leading(kind)),
        imports=imports or header.imports or ("Init",),
    )


def _ensure_balanced(found: Sequence[Piece]) -> None:
    """Refuse a text whose brackets do not pair: its parts would mean something else elsewhere."""
    expected: list[str] = []
    for piece in found:
        if piece.kind is not Kind.SYMBOL:
            continue
        if piece.text in _CLOSE:
            expected.append(_CLOSE[piece.text])
        elif piece.text in _CLOSE.values() and (not expected or expected.pop() != piece.text):
            break
    else:
        if not expected:
            return
    raise InvalidRequest("its brackets do not pair", field="statement", fix=_FIX)


def _parts(rest: str, found: Sequence[Piece]) -> tuple[str, str, str]:
    """Return universes, binders and type: ``.{u} (x : α) : x = x`` in three."""
    begin = 0
    if rest.startswith(".{"):
        begin = next(p.start for p in found if p.text == "}") + 1
    colon = next((p.start for p in found if p.text == ":" and p.depth == 0), None)
    stated = "" if colon is None else rest[colon + 1 :].strip()
    if not stated:
        raise InvalidRequest("nothing stands after its `:`", field="statement", fix=_FIX)
    return rest[:begin], rest[begin:colon].strip(), stated


def _groups(text: str) -> Iterator[Binder]:
    """Yield the variables of binders in brackets; instances without a name are none."""
    depth, begin = 0, 0
    for piece in pieces(text):
        if piece.kind is Kind.SYMBOL and piece.text in _CLOSE:
            begin = piece.start + 1 if depth == 0 else begin
            depth += 1
        elif piece.kind is Kind.SYMBOL and piece.text in _CLOSE.values():
            depth -= 1
            if depth == 0:
                yield from _typed(text[begin : piece.start], text[begin - 1])
        elif depth == 0 and piece.kind is Kind.NAME:
            yield Binder(piece.text, "")


def _typed(text: str, bracket: str) -> Iterator[Binder]:
    """Yield the variables of ``x y : T``; those of ``{x y}`` are mostly types."""
    found = significant(pieces(text))
    at = next((p.start for p in found if p.text == ":" and p.depth == 0), len(text))
    end = next((p.start for p in found if p.text == ":=" and p.depth == 0), len(text))
    kind = " ".join(text[at + 1 : end].split())
    if not kind and bracket == "[":
        return
    kind = kind or {"(": ""}.get(bracket, "Type _")
    for piece in found:
        if piece.start < at and piece.kind is Kind.NAME:
            yield Binder(piece.text, kind)


def _leading(kind: str) -> Iterator[Binder]:
    """Yield the variables of the ``∀ …,`` that a type begins with; each costs a reading of it."""
    for _ in range(_MOST_LEADING):
        if not kind.startswith("∀"):
            return
        comma = next((p.start for p in pieces(kind) if p.text == "," and p.depth == 0), None)
        if comma is None:
            return
        bound = kind[1:comma].strip()
        yield from _groups(bound) if bound[:1] in _CLOSE else _plain(bound)
        kind = kind[comma + 1 :].strip()


def _plain(text: str) -> Iterator[Binder]:
    """Yield the variables of ``x y : T``, ``x y`` or ``x > 0``."""
    if any(p.text == ":" and p.depth == 0 for p in pieces(text)):
        yield from _typed(text, "(")
        return
    for piece in significant(pieces(text)):
        if piece.kind is not Kind.NAME:
            return
        yield Binder(piece.text, "")
