"""Entries of tables: names, levels and terms as arrays, each made of entries that stand before it.

    names   null | [prefix, text or number]            the first one is the anonymous name
    levels  ["z"] ["s",u] ["m",u,v] ["i",u,v] ["p",name]
    exprs   ["b",i] ["s",u] ["c",name,u...] ["a",f,x] ["l"|"p",name,type,body,kind]
            ["e",name,type,value,body,flag] ["j",name,field,x] ["n",digits] ["t",text]

An entry of another shape, an index that is not before its own, a text with a lone surrogate and a
number with a leading zero are refused.
"""

from collections.abc import Callable
from typing import Any

from .errors import Malformed
from .levels import Level
from .names import ANONYMOUS, Name, extend
from .ndjson import MAX_BINDING, MAX_INDEX, clean_text, natural, numeral
from .store import Store
from .terms import Term

Entry = list[Any]
_LEVEL_ARITY = {"z": 1, "s": 2, "m": 3, "i": 3, "p": 2}
_TERM_ARITY = {"b": 2, "s": 2, "a": 3, "l": 5, "p": 5, "e": 6, "j": 4, "n": 2, "t": 2}
CHILDREN = {"a": (1, 2), "l": (2, 3), "p": (2, 3), "e": (2, 3, 4), "j": (3,)}
"""Positions of the terms of an entry, by its word."""


def entry(value: object, arity: dict[str, int], what: str) -> Entry:
    """An array of a known word and the right number of parts.

    Raises:
        Malformed: it is none.
    """
    if type(value) is not list or not value or type(value[0]) is not str:
        raise Malformed(what, "an entry is an array that begins with a word")
    expected = arity.get(value[0])
    if expected is None and (value[0] != "c" or what != "term" or len(value) < 2):
        raise Malformed(what, f"no entry begins with {value[0][:20]!r}")
    if expected is not None and len(value) != expected:
        raise Malformed(what, f"{value[0]!r} has {len(value) - 1} parts")
    return value


def read_names(values: object) -> list[Name]:
    """The names of a table."""
    if type(values) is not list or not values or values[0] is not None:
        raise Malformed("names", "the first name is the anonymous one")
    found: list[Name] = [ANONYMOUS]
    for value in values[1:]:
        if type(value) is not list or len(value) != 2:
            raise Malformed("names", "a name is a prefix and a last part")
        prefix = found[natural(value[0], len(found))]
        last = value[1]
        part = clean_text(last) if type(last) is str else natural(last, 1 << 63)
        found.append(extend(prefix, part))
    return found


def read_levels(values: object, names: list[Name], store: Store) -> list[Level]:
    """The levels of a table."""
    if type(values) is not list:
        raise Malformed("levels", "the levels are an array")
    found: list[Level] = []
    for value in values:
        e = entry(value, _LEVEL_ARITY, "level")
        if e[0] == "p":
            found.append(store.param(names[natural(e[1], len(names))]))
            continue
        parts = [found[natural(i, len(found))] for i in e[1:]]
        make: dict[str, Callable[..., Level]] = {
            "z": lambda: store.zero,
            "s": store.succ,
            "m": store.max,
            "i": store.imax,
        }
        found.append(make[e[0]](*parts))
    return found


class TermReader:
    """Terms from entries, on names and levels that were read. `term_at` gives an earlier term."""

    def __init__(
        self,
        names: list[Name],
        levels: list[Level],
        store: Store,
        term_at: Callable[[object, int], Term],
    ) -> None:
        self.names, self.levels, self.store, self.at = names, levels, store, term_at
        self._make: dict[str, Callable[[Entry, int], Term]] = {
            "b": lambda e, _: store.bound(natural(e[1], MAX_BINDING)),
            "s": lambda e, _: store.sort(self.level(e[1])),
            "c": self._const,
            "a": lambda e, i: store.app(self.at(e[1], i), self.at(e[2], i)),
            "l": lambda e, i: self._binder(store.lam, e, i),
            "p": lambda e, i: self._binder(store.pi, e, i),
            "e": self._let,
            "j": self._proj,
            "n": lambda e, _: store.nat(numeral(e[1])),
            "t": lambda e, _: store.text(clean_text(e[1])),
        }

    def read(self, value: object, i: int) -> Term:
        """The term of the entry with index `i`."""
        e = entry(value, _TERM_ARITY, "term")
        return self._make[e[0]](e, i)

    def name(self, i: object) -> Name:
        """The name with an index."""
        return self.names[natural(i, len(self.names))]

    def level(self, i: object) -> Level:
        """The level with an index."""
        return self.levels[natural(i, len(self.levels))]

    def _const(self, e: Entry, _: int) -> Term:
        return self.store.const(self.name(e[1]), tuple(self.level(u) for u in e[2:]))

    def _binder(self, make: Callable[[Term, Term], Term], e: Entry, i: int) -> Term:
        self.name(e[1])
        natural(e[4], 4)
        return make(self.at(e[2], i), self.at(e[3], i))

    def _let(self, e: Entry, i: int) -> Term:
        self.name(e[1])
        natural(e[5], 2)
        return self.store.let(self.at(e[2], i), self.at(e[3], i), self.at(e[4], i))

    def _proj(self, e: Entry, i: int) -> Term:
        return self.store.proj(self.name(e[1]), natural(e[2], MAX_BINDING), self.at(e[3], i))


def read_terms(values: object, names: list[Name], levels: list[Level], store: Store) -> list[Term]:
    """The terms of a table, all of them."""
    if type(values) is not list or len(values) >= MAX_INDEX:
        raise Malformed("terms", "the terms are an array")
    found: list[Term] = []
    reader = TermReader(names, levels, store, lambda j, i: found[natural(j, i)])
    for i, value in enumerate(values):
        found.append(reader.read(value, i))
    return found
