"""The tactics of a candidate: what may stand in ``by (...)``.

A tactic can build a term from the characters of a forbidden name, which no scan for names finds.
So only tactics of a short list may be used, under names that mean the library's tactic there: a
name of the list that the candidate binds to something else is refused, as is a dotted one that
leads elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from aludel.fstar_checker.lexer import Kind, Token
from aludel.fstar_checker.names import (
    Renaming,
    after_projector,
    binders,
    components,
    is_variable,
)
from aludel.fstar_checker.structure import CLOSERS, OPENERS, QUALIFIERS, STARTERS, closing
from aludel.fstar_checker.wordlists import ADMIT_NAMES, SAFE_TACTICS, UNSAFE_TACTICS

_GLUE = frozenset(("fun", "let", "in", "begin", "end", "if", "then", "else", "match", "with"))
_ENDS = CLOSERS | STARTERS | QUALIFIERS | frozenset(
    (";", ";;", ",", "|", "in", "then", "else", "with", "and", "let", "assume")
)  # fmt: skip
_TACTIC_HOMES = ("FStar.Tactics", "FStar.Pervasives", "FStar.Algebra", "Prims")


@dataclass(frozen=True)
class Vouched:
    """What the context says about names inside tactics.

    Attributes:
        tactics: further tactics that it vouches for.
        abbreviations: its abbreviations of modules.
    """

    tactics: frozenset[str] = frozenset()
    abbreviations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """A token of a tactic that is refused, and why."""

    index: int
    message: str


@dataclass(frozen=True)
class Group:
    """The argument of one ``by``: its tokens' indices, and the index of the token after it."""

    start: int
    end: int
    after: int

    @property
    def indices(self) -> range:
        """Indices of its tokens, without the brackets."""
        return range(self.start, self.end)


def groups(tokens: Sequence[Token]) -> list[Group]:
    """Return the arguments of every ``by``, in order."""
    found = []
    for index, token in enumerate(tokens):
        if token.kind is Kind.KEYWORD and token.text == "by" and index + 1 < len(tokens):
            first = tokens[index + 1]
            if first.kind in (Kind.SYMBOL, Kind.KEYWORD) and first.text in OPENERS:
                end = closing(tokens, index + 1)
                found.append(Group(index + 2, end, end + 1))
            else:
                found.append(Group(index + 1, index + 2, index + 2))
    return found


def scan_tactics(tokens: Sequence[Token], vouched: Vouched) -> Iterator[Finding]:
    """Yield what the tactics of a candidate may not hold."""
    found = groups(tokens)
    inside = {i for group in found for i in group.indices}
    elsewhere = {t.text for i, t in enumerate(tokens) if i not in inside and is_variable(t)}
    for group in found:
        after = tokens[group.after] if group.after < len(tokens) else None
        if after is not None and not _ends_tactic(after):
            yield Finding(group.after, "a tactic is one bracket: write by (...)")
        yield from _scan_group(tokens, group, elsewhere, vouched)


def tactic_renamings(tokens: Sequence[Token]) -> list[Renaming]:
    """Variables that tactics bind, each to be spelt otherwise within its own tactic."""
    found = []
    for group in groups(tokens):
        part = list(tokens[group.start : group.end])
        names = sorted({part[i].text for i in binders(part)} - {"_"})
        for name in names:
            uses = [i for i in group.indices if _refers_to(tokens, i, name)]
            found.append(Renaming(name, tuple(uses)))
    return found


def _refers_to(tokens: Sequence[Token], index: int, name: str) -> bool:
    token = tokens[index]
    is_name = token.kind is Kind.IDENT and components(token)[0] == name
    return is_name and not after_projector(tokens, index)


def _scan_group(
    tokens: Sequence[Token], group: Group, elsewhere: set[str], vouched: Vouched
) -> Iterator[Finding]:
    part = list(tokens[group.start : group.end])
    bound = {part[i].text for i in binders(part)}
    quoted = _quoted(part)
    for offset, token in enumerate(part):
        index = group.start + offset
        if token.text in ("`#", "`@"):
            yield Finding(index, "antiquotation is not allowed in a tactic")
        elif token.kind is Kind.KEYWORD and token.text not in _GLUE and offset not in quoted:
            yield Finding(index, f"{token.text} is not allowed in a tactic")
        elif token.kind is Kind.IDENT and token.text in bound:
            if token.text in SAFE_TACTICS | UNSAFE_TACTICS | ADMIT_NAMES | vouched.tactics:
                message = f"{token.text} is a tactic's name and is bound to something else here"
                yield Finding(index, message)
        elif token.kind is Kind.IDENT and offset not in quoted:
            why = _unknown(tokens, index, elsewhere, vouched)
            if why is not None:
                yield Finding(index, why)


def _unknown(
    tokens: Sequence[Token], index: int, elsewhere: set[str], vouched: Vouched
) -> str | None:
    """Why an identifier is none of the safe tactics, or None."""
    token = tokens[index]
    if token.text == "_" or (after_projector(tokens, index) and is_variable(token)):
        return None
    if token.name not in SAFE_TACTICS | vouched.tactics:
        return f"tactic {token.text} is not on the list of safe ones"
    path = components(token)[:-1]
    if path:
        home = ".".join([vouched.abbreviations.get(path[0], path[0]), *path[1:]])
        known = any(home == h or home.startswith(f"{h}.") for h in _TACTIC_HOMES)
        is_vouched = token.name in vouched.tactics and home[:1].isupper()
        return None if known or is_vouched else f"{token.text} may be another thing than a tactic"
    if token.text in elsewhere:
        return f"{token.text} is used as a tactic, and elsewhere for something else"
    return None


def _ends_tactic(token: Token) -> bool:
    is_sign = token.kind in (Kind.SYMBOL, Kind.KEYWORD)
    return token.kind is Kind.PRAGMA or (
        is_sign and (token.text in _ENDS or token.text.startswith("[@"))
    )


def _quoted(part: Sequence[Token]) -> set[int]:
    """Indices of tokens under a backtick: a quoted term is scanned for names like any other."""
    inside: set[int] = set()
    for i, token in enumerate(part):
        if token.text in ("`", "`%") and i + 1 < len(part):
            end = closing(part, i + 1) if part[i + 1].text in OPENERS else i + 1
            inside.update(range(i + 1, end + 1))
    return inside
