"""lean4export NDJSON 3.1, written from an environment that this kernel has checked.

Entries come before what uses them, declarations in the order asked for. Binder names are not kept
by the kernel; every binder is written as `a`.
"""

import json
from collections.abc import Iterator, Sequence

from .environment import (
    Axiom,
    Constant,
    Constructor,
    Definition,
    Environment,
    Inductive,
    Opaque,
    Quotient,
    Recursor,
    Theorem,
)
from .levels import IMAX, MAX, PARAM, SUCC, Level
from .names import ANONYMOUS, Name
from .terms import App, Bound, Const, Lam, Let, Nat, Pi, Proj, Sort, Term, Text

BINDER: Name = ("a",)
META = {
    "exporter": {"name": "aludel", "version": "1"},
    "format": {"version": "3.1.0"},
    "lean": {"githash": "", "version": ""},
}


def write_export(env: Environment, names: Sequence[Name]) -> Iterator[str]:
    """The lines of an export of the named constants. A type of a block stands for the block."""
    writer = _Writer(env)
    yield _line({"meta": META})
    for n in names:
        yield from writer.declaration(env.get(n))


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class _Writer:
    """Indices given so far; `lines` are those not yet handed out."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.names: dict[Name, int] = {ANONYMOUS: 0}
        self.levels: dict[Level, int] = {env.store.zero: 0}
        self.terms: dict[Term, int] = {}
        self.lines: list[str] = []

    def declaration(self, c: Constant) -> Iterator[str]:
        """The lines that a declaration needs, and its own."""
        body = self._body(c)
        if body is not None:
            self.lines.append(_line(body))
        yield from self.lines
        self.lines = []

    def _body(self, c: Constant) -> dict[str, object] | None:
        if isinstance(c, Inductive):
            return {"inductive": self._block(c)}
        if isinstance(c, Quotient):
            return {"quot": {**self._head(c), "kind": c.role}}
        if isinstance(c, Axiom):
            return {"axiom": {**self._head(c), "isUnsafe": c.unsafe}}
        if isinstance(c, Definition | Theorem | Opaque) and c.value is not None:
            head = {**self._head(c), "value": self.term(c.value), "all": [self.name(c.name)]}
            if isinstance(c, Theorem):
                return {"thm": head}
            if isinstance(c, Opaque):
                return {"opaque": {**head, "isUnsafe": c.unsafe}}
            safety = "unsafe" if c.unsafe else "partial" if c.partial else "safe"
            return {"def": {**head, "hints": _hints(c.height), "safety": safety}}
        return None  # constructors and recursors come with their block

    def _head(self, c: Constant) -> dict[str, object]:
        return {
            "name": self.name(c.name),
            "levelParams": [self.name(p) for p in c.params],
            "type": self.term(c.type),
        }

    def _block(self, c: Inductive) -> dict[str, object]:
        types = [t for n in c.block if isinstance(t := self.env.get(n), Inductive)]
        ctors = [self.env.get(n) for t in types for n in t.constructors]
        recs = self._recursors(types)
        return {
            "types": [self._type(t) for t in types],
            "ctors": [self._constructor(k) for k in ctors if isinstance(k, Constructor)],
            "recs": [self._recursor(r) for r in recs],
        }

    def _recursors(self, types: list[Inductive]) -> list[Recursor]:
        first = types[0].name
        names = [(*t.name, "rec") for t in types]
        names += [(*first, f"rec_{i + 1}") for i in range(types[0].num_nested)]
        return [r for n in names if isinstance(r := self.env.find(n), Recursor)]

    def _type(self, t: Inductive) -> dict[str, object]:
        return {
            **self._head(t),
            "numParams": t.num_params,
            "numIndices": t.num_indices,
            "all": [self.name(n) for n in t.block],
            "ctors": [self.name(n) for n in t.constructors],
            "numNested": t.num_nested,
            "isRec": t.is_recursive,
            "isUnsafe": t.unsafe,
            "isReflexive": False,
        }

    def _constructor(self, c: Constructor) -> dict[str, object]:
        return {
            **self._head(c),
            "induct": self.name(c.inductive),
            "cidx": c.index,
            "numParams": c.num_params,
            "numFields": c.num_fields,
            "isUnsafe": c.unsafe,
        }

    def _recursor(self, r: Recursor) -> dict[str, object]:
        return {
            **self._head(r),
            "all": [self.name(n) for n in r.block],
            "numParams": r.num_params,
            "numIndices": r.num_indices,
            "numMotives": r.num_motives,
            "numMinors": r.num_minors,
            "rules": [
                {
                    "ctor": self.name(x.constructor),
                    "nfields": x.num_fields,
                    "rhs": self.term(x.value),
                }
                for x in r.rules
            ],
            "k": r.k,
            "isUnsafe": r.unsafe,
        }

    def name(self, n: Name) -> int:
        """The index of a name."""
        if n not in self.names:
            prefix, last = self.name(n[:-1]), n[-1]
            part: dict[str, object] = (
                {"str": {"pre": prefix, "str": last}}
                if isinstance(last, str)
                else {"num": {"pre": prefix, "i": last}}
            )
            self.names[n] = len(self.names)
            self.lines.append(_line({**part, "in": self.names[n]}))
        return self.names[n]

    def level(self, u: Level) -> int:
        """The index of a level."""
        if u not in self.levels:
            if u.kind == PARAM:
                part: dict[str, object] = {"param": self.name(u.name)}
            elif u.kind == SUCC:
                part = {"succ": self.level(u.one)}
            else:
                word = {MAX: "max", IMAX: "imax"}[u.kind]
                part = {word: [self.level(u.one), self.level(u.two)]}
            self.levels[u] = len(self.levels)
            self.lines.append(_line({**part, "il": self.levels[u]}))
        return self.levels[u]

    def term(self, t: Term) -> int:
        """The index of a term."""
        if t not in self.terms:
            part = self._node(t)
            self.terms[t] = len(self.terms)
            self.lines.append(_line({**part, "ie": self.terms[t]}))
        return self.terms[t]

    def _node(self, t: Term) -> dict[str, object]:
        if isinstance(t, App):
            return {"app": {"fn": self.term(t.fn), "arg": self.term(t.arg)}}
        if isinstance(t, Lam | Pi):
            return {"lam" if isinstance(t, Lam) else "forallE": self._binder(t)}
        if isinstance(t, Let):
            value = {"name": self.name(BINDER), "type": self.term(t.type), "nondep": False}
            return {"letE": {**value, "value": self.term(t.value), "body": self.term(t.body)}}
        if isinstance(t, Proj):
            value = {"typeName": self.name(t.structure), "idx": t.index}
            return {"proj": {**value, "struct": self.term(t.term)}}
        return self._leaf(t)

    def _binder(self, t: Lam | Pi) -> dict[str, object]:
        return {
            "name": self.name(BINDER),
            "type": self.term(t.type),
            "body": self.term(t.body),
            "binderInfo": "default",
        }

    def _leaf(self, t: Term) -> dict[str, object]:
        if isinstance(t, Bound):
            return {"bvar": t.index}
        if isinstance(t, Sort):
            return {"sort": self.level(t.level)}
        if isinstance(t, Const):
            return {"const": {"name": self.name(t.name), "us": [self.level(u) for u in t.levels]}}
        if isinstance(t, Nat):
            return {"natVal": decimal(t.value)}
        if isinstance(t, Text):
            return {"strVal": t.value}
        raise TypeError("a free variable has no form")


def _hints(height: int) -> object:
    if height == -2:
        return "abbrev"
    return "opaque" if height < 0 else {"regular": height}


def decimal(value: int) -> str:
    """Decimal digits; the interpreter's own limit on length does not apply."""
    base = 10**4000
    parts: list[str] = []
    while value >= base:
        value, rest = divmod(value, base)
        parts.append(f"{rest:04000d}")
    return "".join([str(value), *reversed(parts)])
