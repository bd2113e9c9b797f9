"""Tables written anew: one form for each structure, so that equal questions are equal bytes.

Entries are numbered by their first use in a walk over the declarations in order, equal structures
are one entry, and binders lose their names and kinds, which mean nothing to a kernel.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aludel.lean_checker.judge.tables import MAX_ENTRIES, Constant, Name, Tables

Rename = Callable[[Name], Name]


@dataclass(frozen=True)
class Source:
    """Tables to copy from, and how.

    Attributes:
        tables: whose entries are copied.
        rename: gives names of constants, types and structures their new names.
        levels: written levels in the place of universe parameters; others keep their names.
        unfold: definitions whose values are written in the place of their names.
        depth: how many definitions may be unfolded inside each other.
    """

    tables: Tables
    rename: Rename
    levels: Mapping[Name, int] = field(default_factory=dict)
    unfold: Mapping[Name, Constant] = field(default_factory=dict)
    depth: int = 0


class TooLarge(Exception):
    """More would be copied than a writer may."""


class Writer:
    """Tables that grow. Not for threads.

    Args:
        limit: how many terms may be copied, equal ones counted again.
    """

    def __init__(self, limit: int = 4 * MAX_ENTRIES) -> None:
        self._left = limit
        self._names: list[Any] = [None]
        self._levels: list[tuple[Any, ...]] = []
        self._exprs: list[tuple[Any, ...]] = []
        self._known_names: dict[Name, int] = {(): 0}
        self._known_levels: dict[tuple[Any, ...], int] = {}
        self._known_exprs: dict[tuple[Any, ...], int] = {}
        self._declarations: list[list[Any]] = []

    def name(self, name: Name) -> int:
        """Return the index of a name."""
        known = self._known_names.get(name)
        if known is None:
            parent = self.name(name[:-1])
            known = self._known_names[name] = len(self._names)
            self._names.append((parent, name[-1]))
        return known

    def names(self, names: tuple[Name, ...]) -> list[int]:
        """Return the indices of names."""
        return [self.name(name) for name in names]

    def param(self, name: Name) -> int:
        """Return the index of a universe parameter as a level."""
        return self._keep(self._known_levels, self._levels, ("p", self.name(name)))

    def const(self, name: Name, params: tuple[Name, ...]) -> int:
        """Return the index of a constant at universe parameters."""
        levels = [self.param(one) for one in params]
        return self._keep(self._known_exprs, self._exprs, ("c", self.name(name), *levels))

    def declare(self, declaration: list[Any]) -> None:
        """Append a declaration, made of indices."""
        self._declarations.append(declaration)

    def encode(self) -> bytes:
        """Return the bytes that kernels read."""
        tables = {
            "names": self._names,
            "levels": self._levels,
            "exprs": self._exprs,
            "declarations": self._declarations,
        }
        return json.dumps(tables, ensure_ascii=False, separators=(",", ":")).encode()

    def copier(self, source: Source) -> Callable[[int], int]:
        """Return a function that copies a term of ``source`` and returns its index.

        It raises TooLarge when the writer's limit is reached.
        """
        levels: dict[int, int] = {}
        exprs: dict[int, int] = {}

        def copy(root: int) -> int:
            entries = source.tables.exprs
            waiting = [root]
            while waiting:
                index = waiting[-1]
                if index in exprs:
                    waiting.pop()
                    continue
                entry = entries[index]
                parts = parts_of(entry)
                missing = [part for part in parts if part not in exprs]
                if missing:
                    waiting.extend(reversed(missing))
                    continue
                waiting.pop()
                exprs[index] = self._copied(source, levels, entry, [exprs[p] for p in parts])
            return exprs[root]

        return copy

    def _copied(
        self, source: Source, levels: dict[int, int], entry: tuple[Any, ...], parts: list[int]
    ) -> int:
        """The index of an entry whose parts are written."""
        self._left -= 1
        if self._left < 0:
            raise TooLarge
        word = entry[0]
        names = source.tables.names
        written: tuple[Any, ...]
        if word == "a":
            written = ("a", *parts)
        elif word == "c":
            name = names[entry[1]]
            at = [self._level(source, levels, level) for level in entry[2:]]
            body = source.unfold.get(name) if source.depth else None
            if body is not None and body.value is not None and len(at) == len(body.params):
                values = dict(zip(body.params, at, strict=True))
                return self.copier(replace(source, levels=values, depth=source.depth - 1))(
                    body.value
                )
            written = ("c", self.name(source.rename(name)), *at)
        elif word in ("l", "p", "e"):
            written = (word, 0, *parts, 0)
        elif word == "s":
            written = ("s", self._level(source, levels, entry[1]))
        elif word == "j":
            written = ("j", self.name(source.rename(names[entry[1]])), entry[2], *parts)
        else:
            written = entry
        return self._keep(self._known_exprs, self._exprs, written)

    def _level(self, source: Source, done: dict[int, int], root: int) -> int:
        """Copy a level. Its depth is bounded by the parser, far below Python's."""
        known = done.get(root)
        if known is None:
            entry = source.tables.levels[root]
            if entry[0] == "p":
                name = source.tables.names[entry[1]]
                known = source.levels[name] if name in source.levels else self.param(name)
            else:
                parts = [self._level(source, done, part) for part in entry[1:]]
                known = self._keep(self._known_levels, self._levels, (entry[0], *parts))
            done[root] = known
        return known

    @staticmethod
    def _keep(
        known: dict[tuple[Any, ...], int], entries: list[tuple[Any, ...]], entry: tuple[Any, ...]
    ) -> int:
        index = known.get(entry)
        if index is None:
            index = known[entry] = len(entries)
            entries.append(entry)
        return index


def parts_of(entry: tuple[Any, ...]) -> tuple[int, ...]:
    """Return the indices of the terms that a term is made of."""
    word = entry[0]
    if word == "a":
        return entry[1:]
    if word in ("l", "p", "e"):
        return entry[2:-1]
    return entry[3:] if word == "j" else ()
