"""Declarations as tables of entries, the project's own wire format; read strictly, written
canonically.

{"names":[...],"levels":[...],"exprs":[...],"declarations":[...]} ["thm",name,[params],type,value]
likewise "opq", and "def" with a hint after the value ["axm",name,[params],type]
["ind",[params],num_params,[[name,type,[[constructor,type],...]],...]] ["quo",0,[],0]

`quo` declares all four constants of the quotient type. It is written alone, never read: over a
library they are there.

Two tables that say the same are written as the same bytes: binder names and the unfolding hint,
which mean nothing to a kernel, are written as one fixed value, and entries in the order in which
they are needed.
"""

import json
from collections.abc import Iterable
from typing import Any

from .declarations import Declaration, InductiveBlock
from .entries import read_levels, read_names, read_terms
from .environment import Axiom, Definition, Opaque, Quotient, Theorem
from .errors import Malformed
from .inductive import BlockSpec, TypeSpec
from .levels import IMAX, MAX, PARAM, SUCC, Level
from .names import ANONYMOUS, Name
from .ndjson import MAX_BINDING, natural
from .store import Store
from .strict_json import parse_json
from .terms import App, Bound, Const, Lam, Let, Nat, Pi, Proj, Sort, Term, Text, require_closed
from .writer import decimal

KEYS = {"names", "levels", "exprs", "declarations"}
BINDER: Name = ("a",)
_ARITY = {"thm": 5, "opq": 5, "def": 6, "axm": 4, "ind": 4}
_HINT = 2


def read_tables(data: bytes, store: Store) -> list[Declaration]:
    """The declarations of a table, in order. Their terms are closed.

    Raises:
        Malformed: the bytes are no such table.
    """
    try:
        value = parse_json(data.decode("utf-8"))
    except UnicodeDecodeError as e:
        raise Malformed("json", "not UTF-8") from e
    if not isinstance(value, dict) or set(value) != KEYS:
        raise Malformed("table", f"an object with the keys {', '.join(sorted(KEYS))}")
    names = read_names(value["names"])
    levels = read_levels(value["levels"], names, store)
    terms = read_terms(value["exprs"], names, levels, store)
    if type(value["declarations"]) is not list:
        raise Malformed("table", "the declarations are an array")
    reader = _Declarations(names, terms)
    return [reader.read(d) for d in value["declarations"]]


class _Declarations:
    """Declarations on entries that were read."""

    def __init__(self, names: list[Name], terms: list[Term]) -> None:
        self.names, self.terms = names, terms

    def name(self, i: object) -> Name:
        found = self.names[natural(i, len(self.names))]
        if not found:
            raise Malformed("declaration", "the anonymous name is declared or used")
        return found

    def params(self, values: object) -> tuple[Name, ...]:
        found = tuple(self.name(i) for i in _list(values))
        if len(set(found)) != len(found):
            raise Malformed("unique_params", "a universe parameter is declared twice")
        return found

    def term(self, i: object) -> Term:
        found = self.terms[natural(i, len(self.terms))]
        require_closed("a declaration", found)
        return found

    def read(self, value: object) -> Declaration:
        d = _list(value)
        word = d[0] if d else None
        if type(word) is not str or _ARITY.get(word) != len(d):
            raise Malformed("declaration", "a declaration of unknown kind or wrong length")
        if word == "ind":
            return self._block(d)
        head = (self.name(d[1]), self.params(d[2]), self.term(d[3]))
        if word == "axm":
            return Axiom(*head)
        body = self.term(d[4])
        if word == "thm":
            return Theorem(*head, value=body)
        if word == "opq":
            return Opaque(*head, value=body)
        hint = natural(d[5])
        return Definition(*head, value=body, height=-2 if hint == 1 else -1)

    def _block(self, d: list[Any]) -> InductiveBlock:
        params, count = self.params(d[1]), natural(d[2], MAX_BINDING)
        types: list[TypeSpec] = []
        for value in _list(d[3]):
            n, type_, constructors = _list(value, 3)
            pairs = [_list(c, 2) for c in _list(constructors)]
            own = tuple((self.name(c), self.term(t)) for c, t in pairs)
            types.append(TypeSpec(self.name(n), self.term(type_), own))
        if not types:
            raise Malformed("block", "a block without a type")
        return InductiveBlock(BlockSpec(params, count, tuple(types)))


def _list(value: object, length: int | None = None) -> list[Any]:
    if type(value) is not list or (length is not None and len(value) != length):
        raise Malformed("table", "an array was expected, or one of another length")
    return value


def write_tables(declarations: Iterable[Declaration]) -> bytes:
    """The bytes of a table of declarations."""
    writer = _Writer()
    made = [writer.declaration(d) for d in declarations]
    value = {
        "names": writer.name_entries,
        "levels": writer.level_entries,
        "exprs": writer.term_entries,
        "declarations": made,
    }
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


class _Writer:
    """Entries so far and their indices."""

    def __init__(self) -> None:
        self.name_entries: list[object] = [None]
        self.level_entries: list[object] = []
        self.term_entries: list[object] = []
        self.names: dict[Name, int] = {ANONYMOUS: 0}
        self.levels: dict[Level, int] = {}
        self.terms: dict[Term, int] = {}

    def declaration(self, d: Declaration) -> list[object]:
        if isinstance(d, InductiveBlock):
            types = [
                [self.name(t.name), self.term(t.type), [self._pair(c) for c in t.constructors]]
                for t in d.spec.types
            ]
            return ["ind", self.params(d.spec.params), d.spec.num_params, types]
        if isinstance(d, Quotient):
            return ["quo", 0, [], 0]
        head: list[object] = [self.name(d.name), self.params(d.params), self.term(d.type)]
        if isinstance(d, Axiom):
            return ["axm", *head]
        if not isinstance(d, Theorem | Definition | Opaque) or d.value is None:
            raise TypeError("a declaration without a value has no table")
        body = self.term(d.value)
        if isinstance(d, Definition):
            return ["def", *head, body, _HINT]
        return ["thm" if isinstance(d, Theorem) else "opq", *head, body]

    def _pair(self, constructor: tuple[Name, Term]) -> list[int]:
        return [self.name(constructor[0]), self.term(constructor[1])]

    def params(self, names: tuple[Name, ...]) -> list[int]:
        return [self.name(n) for n in names]

    def name(self, n: Name) -> int:
        found = self.names.get(n)
        if found is None:
            made = [self.name(n[:-1]), n[-1]]
            found = self.names[n] = len(self.name_entries)
            self.name_entries.append(made)
        return found

    def level(self, u: Level) -> int:
        found = self.levels.get(u)
        if found is None:
            if u.kind == PARAM:
                made: list[object] = ["p", self.name(u.name)]
            else:
                parts = [x for x in (u.left, u.right) if x is not None]
                word = {SUCC: "s", MAX: "m", IMAX: "i"}.get(u.kind, "z")
                made = [word, *[self.level(x) for x in parts]]
            found = self.levels[u] = len(self.level_entries)
            self.level_entries.append(made)
        return found

    def term(self, t: Term) -> int:
        found = self.terms.get(t)
        if found is None:
            made = self._entry(t)
            found = self.terms[t] = len(self.term_entries)
            self.term_entries.append(made)
        return found

    def _entry(self, t: Term) -> list[object]:
        if isinstance(t, App):
            return ["a", self.term(t.fn), self.term(t.arg)]
        if isinstance(t, Lam | Pi):
            word = "l" if isinstance(t, Lam) else "p"
            return [word, self.name(BINDER), self.term(t.type), self.term(t.body), 0]
        if isinstance(t, Let):
            parts = [self.term(t.type), self.term(t.value), self.term(t.body)]
            return ["e", self.name(BINDER), *parts, 0]
        if isinstance(t, Proj):
            return ["j", self.name(t.structure), t.index, self.term(t.term)]
        return self._leaf(t)

    def _leaf(self, t: Term) -> list[object]:
        if isinstance(t, Bound):
            return ["b", t.index]
        if isinstance(t, Sort):
            return ["s", self.level(t.level)]
        if isinstance(t, Const):
            return ["c", self.name(t.name), *[self.level(u) for u in t.levels]]
        if isinstance(t, Nat):
            return ["n", decimal(t.value)]
        if isinstance(t, Text):
            return ["t", t.value]
        raise TypeError("a free variable has no entry")
