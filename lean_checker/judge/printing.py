"""Propositions in words, printed from tables: no Lean prints what a candidate made."""

from __future__ import annotations

from typing import Any

from aludel.lean_checker.judge.tables import Constant, Tables, parse_tables, shown_name

MAX_SHOWN = 200
MAX_CHARS = 400
_STEPS = 2_000


def propositions_of(terms: object) -> tuple[str, ...]:
    """Return what the theorems of some tables state, as far as a line holds it.

    Raises:
        MalformedTables: they are none.
    """
    tables = parse_tables(terms)
    found = []
    for one in tables.declarations:
        if isinstance(one, Constant) and one.kind == "thm":
            text = f"{shown_name(one.name)} : {_Printer(tables).text(one.type)}"
            found.append(text if len(text) <= MAX_CHARS else f"{text[:MAX_CHARS]}…")
    return tuple(found[:MAX_SHOWN])


class _Printer:
    """Prints one term, fully applied and without notation; what is long is left out."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._left = _STEPS

    def text(self, index: int, bound: tuple[str, ...] = (), depth: int = 0) -> str:
        """Return the text of a term under binders of these names, innermost last."""
        self._left -= 1
        if self._left < 0 or depth > 60:
            return "…"
        entry = self._tables.exprs[index]
        word = entry[0]
        if word == "b":
            return bound[-1 - entry[1]] if entry[1] < len(bound) else f"#{entry[1]}"
        if word == "c":
            return shown_name(self._tables.names[entry[1]])
        if word in ("n", "t"):
            return entry[1] if word == "n" else repr(entry[1])
        if word == "s":
            return "Prop" if self._tables.levels[entry[1]][0] == "z" else "Type*"
        if word == "j":
            return f"{self._part(entry[3], bound, depth)}.{entry[2] + 1}"
        if word == "a":
            return f"{self._head(entry[1], bound, depth)} {self._part(entry[2], bound, depth)}"
        return self._binder(entry, bound, depth)

    def _binder(self, entry: tuple[Any, ...], bound: tuple[str, ...], depth: int) -> str:
        name = f"x{len(bound) + 1}"
        type_ = self.text(entry[2], bound, depth + 1)
        body = self.text(entry[-2], (*bound, name), depth + 1)
        if entry[0] == "e":
            return f"let {name} : {type_} := {self.text(entry[3], bound, depth + 1)}; {body}"
        return (
            f"fun ({name} : {type_}) => {body}"
            if entry[0] == "l"
            else (f"({name} : {type_}) → {body}")
        )

    def _head(self, index: int, bound: tuple[str, ...], depth: int) -> str:
        text = self.text(index, bound, depth + 1)
        return text if self._tables.exprs[index][0] in ("a", "c", "b") else f"({text})"

    def _part(self, index: int, bound: tuple[str, ...], depth: int) -> str:
        text = self.text(index, bound, depth + 1)
        return f"({text})" if self._tables.exprs[index][0] in ("a", "l", "p", "e") else text
