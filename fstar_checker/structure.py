"""The top-level structure of F* text, found at the level of tokens.

No F* tool does this without loading the module, so the split is lexical: a ``let`` that no ``in``
closes is a declaration, every other top-level word starts one. F* judges the text afterwards; a
text
that splits differently in F*'s parser is a syntax error there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from aludel.fstar_checker.lexer import Kind, Token, code_tokens, words

QUALIFIERS = words(
    """abstract default inline inline_for_extraction irreducible logic new noeq noextract opaque
    private reflectable reifiable total unfold unfoldable unopteq"""
)
STARTERS = words(
    """class effect exception friend include instance layered_effect module new_effect open
    polymonadic_bind polymonadic_subcomp sub_effect type val"""
)
OPENERS = {"(": ")", "(|": "|)", "[": "]", "[|": "|]", "{": "}", "{|": "|}", ".(": ")", ".[": "]",
           ".(|": "|)", ".[|": "|]", "[@": "]", "[@@": "]", "[@@@": "]", "{:pattern": "}",
           "begin": "end"}  # fmt: skip
CLOSERS = frozenset(OPENERS.values())
_NO_OPERATORS = frozenset((":", "::", ":=", ".", "->", "<-", "=", "|", "~>", "?."))


@dataclass(frozen=True)
class Declaration:
    """One top-level declaration.

    Attributes:
        keyword: ``let``, ``val``, ``type``, ``open``, ``assume``, ``pragma`` ...
        names: the names that it defines; empty for a pattern or for what defines none.
        recursive: whether it is a ``let rec``.
        tokens: its tokens, qualifiers and attributes included.
    """

    keyword: str
    names: tuple[str, ...]
    recursive: bool
    tokens: tuple[Token, ...]

    @property
    def start(self) -> int:
        """Offset of its first token."""
        return self.tokens[0].start

    @property
    def end(self) -> int:
        """Offset just after its last token."""
        return self.tokens[-1].end


@dataclass
class _Scan:
    """Where declarations start, and the nesting met on the way."""

    starts: list[int] = field(default_factory=list)
    lets: list[int] = field(default_factory=list)
    brackets: list[tuple[str, int]] = field(default_factory=list)
    depth: int = 0


def max_depth(tokens: list[Token]) -> int:
    """Return the deepest nesting of brackets."""
    depth = deepest = 0
    for token in tokens:
        if token.text in OPENERS and token.kind in (Kind.SYMBOL, Kind.KEYWORD):
            depth += 1
            deepest = max(deepest, depth)
        elif token.text in CLOSERS:
            depth -= 1
    return deepest


def closing(tokens: Sequence[Token], opening: int) -> int:
    """Return the index of the bracket that closes the one at ``opening``; the end if none does."""
    depth = 0
    for index in range(opening, len(tokens)):
        if tokens[index].kind not in (Kind.SYMBOL, Kind.KEYWORD):
            continue
        if tokens[index].text in OPENERS:
            depth += 1
        elif tokens[index].text in CLOSERS:
            depth -= 1
            if depth == 0:
                return index
    return len(tokens)


def split_declarations(text: str) -> list[Declaration]:
    """Split ``text`` into its top-level declarations, in order; nothing is lost."""
    tokens = code_tokens(text)
    starts = _starts(tokens)
    if not tokens:
        return []
    if not starts or starts[0] != 0:
        starts.insert(0, 0)
    ends = [*starts[1:], len(tokens)]
    return [_declaration(tokens[a:b]) for a, b in zip(starts, ends, strict=True)]


def _starts(tokens: list[Token]) -> list[int]:
    scan = _Scan()
    for index, token in enumerate(tokens):
        _step(scan, tokens, index, token)
    starts = sorted(scan.starts + scan.lets)
    return sorted({_with_prefix(tokens, start) for start in starts})


def _step(scan: _Scan, tokens: list[Token], index: int, token: Token) -> None:
    if token.kind not in (Kind.SYMBOL, Kind.KEYWORD, Kind.PRAGMA):
        return
    if token.text in OPENERS:
        scan.brackets.append((OPENERS[token.text], len(scan.lets)))
    elif token.text in CLOSERS:
        if scan.brackets and scan.brackets[-1][0] == token.text:
            del scan.lets[scan.brackets.pop()[1] :]
    elif token.text == "let":
        scan.lets.append(index)
    elif token.text == "in":
        floor = scan.brackets[-1][1] if scan.brackets else 0
        if len(scan.lets) > floor:
            scan.lets.pop()
    elif not scan.brackets and _starts_here(tokens, index):
        scan.starts.append(index)


def _starts_here(tokens: list[Token], index: int) -> bool:
    token = tokens[index]
    if token.kind is Kind.PRAGMA:
        return True
    before = tokens[index - 1].text if index else ""
    if token.text == "open":
        return before != "let"
    if token.text == "assume":
        following = tokens[index + 1].text if index + 1 < len(tokens) else ""
        after = tokens[index + 2].text if index + 2 < len(tokens) else ""
        return following in {"val", "type", "new", "let"} or after == ":"
    return token.text in STARTERS and before != "assume"


def _with_prefix(tokens: list[Token], start: int) -> int:
    """Move ``start`` back over qualifiers and attributes that belong to the declaration."""
    while start > 0:
        before = tokens[start - 1]
        if before.kind is Kind.KEYWORD and before.text in QUALIFIERS | {"assume"}:
            start -= 1
        elif before.text == "]" and (opening := _attribute_opening(tokens, start - 1)) is not None:
            start = opening
        else:
            break
    return start


def _attribute_opening(tokens: list[Token], closing: int) -> int | None:
    depth = 0
    for index in range(closing, -1, -1):
        text = tokens[index].text
        if text in CLOSERS:
            depth += 1
        elif text in OPENERS:
            depth -= 1
            if depth == 0:
                return index if text.startswith("[@") else None
    return None


def _declaration(tokens: list[Token]) -> Declaration:
    head = next((i for i, t in enumerate(tokens) if _is_head(tokens, i, t)), 0)
    token = tokens[head]
    keyword = "pragma" if token.kind is Kind.PRAGMA else token.text
    if any(t.text == "assume" for t in tokens[: head + 1]):
        keyword = "assume"
    recursive = keyword == "let" and head + 1 < len(tokens) and tokens[head + 1].text == "rec"
    names = _names(tokens, head, recursive=recursive)
    return Declaration(keyword, names, recursive, tuple(tokens))


def _is_head(tokens: list[Token], index: int, token: Token) -> bool:
    if token.kind is Kind.PRAGMA or token.text == "let" or token.text in STARTERS:
        return True
    return (
        token.text == "assume"
        and tokens[index + 1 : index + 2] != []
        and (tokens[index + 1].text not in {"val", "type", "new", "let"})
    )


def _names(tokens: list[Token], head: int, *, recursive: bool) -> tuple[str, ...]:
    if tokens[head].text not in {"let", "val", "type", "assume", "instance", "class", "exception"}:
        return ()
    first = head + (2 if recursive else 1)
    heads = [first, *(i + 1 for i in _ands(tokens, first))]
    return tuple(name for i in heads if (name := name_at(tokens, i)) is not None)


def name_at(tokens: Sequence[Token], index: int) -> str | None:
    """Return the name at ``index``: an identifier, or an operator in brackets as ``(+!)``."""
    if index >= len(tokens):
        return None
    if tokens[index].kind in (Kind.IDENT, Kind.QUOTED_IDENT):
        return tokens[index].text
    three = [t.text for t in tokens[index : index + 3]]
    if len(three) == 3 and three[::2] == ["(", ")"] and is_operator(three[1]):
        return "".join(three)
    return None


def is_operator(text: str) -> bool:
    """Whether ``text`` is an infix or prefix operator that a module may define."""
    return bool(re.fullmatch(r"[!~?|&=<>$@^+\-*/%:.]+", text)) and text not in _NO_OPERATORS


def _ands(tokens: list[Token], first: int) -> list[int]:
    """Indices of the ``and`` that belong to the declaration itself, not to a local ``let rec``."""
    found: list[int] = []
    depth = lets = 0
    for index in range(first, len(tokens)):
        text = tokens[index].text
        if text in OPENERS:
            depth += 1
        elif text in CLOSERS:
            depth -= 1
        elif depth == 0 and text == "let":
            lets += 1
        elif depth == 0 and text == "in":
            lets -= 1
        elif depth == 0 and lets == 0 and text == "and":
            found.append(index)
    return found


def definition_of(tokens: Sequence[Token]) -> Sequence[Token] | None:
    """Return the tokens after the ``=`` that defines a type, None where there is none."""
    depth = 0
    for index, token in enumerate(tokens):
        if token.kind not in (Kind.SYMBOL, Kind.KEYWORD):
            continue
        if token.text in OPENERS:
            depth += 1
        elif token.text in CLOSERS:
            depth -= 1
        elif token.text == "=" and depth == 0:
            return tokens[index + 1 :]
    return None


def undefined_types(declaration: Declaration) -> list[str]:
    """Return the types and classes of a declaration that it does not define."""
    if declaration.keyword not in ("type", "class"):
        return []
    tokens = declaration.tokens
    head = next(i for i, t in enumerate(tokens) if t.text == declaration.keyword)
    ends = [*_ands(list(tokens), head + 1), len(tokens)]
    parts = [tokens[a:b] for a, b in pairwise([head, *ends])]
    return [name_at(p, 1) or "without a name" for p in parts if not definition_of(p)]


def val_of(declaration: Declaration) -> tuple[str, tuple[str, ...]] | None:
    """Return the name of a ``val`` and the texts of all its tokens after ``val``, else None."""
    if declaration.keyword != "val" or not declaration.names:
        return None
    texts = [t.text for t in declaration.tokens]
    return declaration.names[0], tuple(texts[texts.index("val") + 1 :])
