"""lean4export NDJSON, format 3: one object a line, entries by index, then declarations.

Read in the order of the file: an entry may use entries that stand above it only. Version 3.0
wrote some keys otherwise (`inductiveVals`, declarations in a list); both are read. 2.x is another
format.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from .declarations import Declaration, InductiveBlock
from .environment import (
    Axiom,
    Constant,
    Constructor,
    Definition,
    Inductive,
    Opaque,
    Quotient,
    Recursor,
    Rule,
    Theorem,
)
from .errors import Declined, Malformed
from .inductive import BlockSpec, TypeSpec
from .levels import Level
from .names import ANONYMOUS, Name, extend, show
from .store import Store
from .strict_json import parse_json
from .terms import Term

Json = dict[str, Any]
T = TypeVar("T")
MAX_INDEX = 1 << 31
MAX_BINDING = 1 << 16


def read_export(lines: Iterable[str], store: Store) -> Iterator[Declaration]:
    """The declarations of an export, in order.

    Raises:
        Malformed: the text is no export.
        Declined: it is of a version that is not read.
    """
    reader = _Reader(store)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield from reader.line(_object(line))
        except Malformed as e:
            raise Malformed(e.rule, f"line {number}: {e.message}") from e
    if not reader.has_meta:
        raise Malformed("export", "no line says which format this is")


def _object(line: str) -> Json:
    value = parse_json(line)
    if not isinstance(value, dict):
        raise Malformed("export", "not an object")
    return value


def natural(value: object, limit: int = MAX_INDEX) -> int:
    """A natural number below a limit.

    Raises:
        Malformed: the value is something else.
    """
    if type(value) is not int or not 0 <= value < limit:
        raise Malformed("number", f"{str(value)[:40]} is no index")
    return value


def clean_text(value: object) -> str:
    """A text without lone surrogates.

    Raises:
        Malformed: the value is something else.
    """
    if type(value) is not str or any(0xD800 <= ord(c) <= 0xDFFF for c in value):
        raise Malformed("text", "not a text of Unicode scalar values")
    return value


def numeral(value: object) -> int:
    """A natural number as a text of decimal digits without leading zeros.

    Raises:
        Malformed: the value is something else.
    """
    if type(value) is not str or not value.isascii() or not value.isdigit():
        raise Malformed("numeral", "a literal number is a text of digits")
    if value != "0" and value.startswith("0"):
        raise Malformed("numeral", "a literal number begins with 0")
    return parse_digits(value)


def parse_digits(text: str) -> int:
    """The number of a text of digits; the interpreter's own limit on length does not apply.

    Raises:
        Declined: there are more digits than any literal here may have.
    """
    if len(text) > 1_000_000:
        raise Declined("digits of a literal")
    value = 0
    for i in range(0, len(text), 4000):
        part = text[i : i + 4000]
        value = value * 10 ** len(part) + int(part)
    return value


class _Reader:
    """Tables of entries so far."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.has_meta = False
        self.names: dict[int, Name] = {0: ANONYMOUS}
        self.levels: dict[int, Level] = {0: store.zero}
        self.terms: dict[int, Term] = {}
        self._makers: dict[str, Callable[[Any], Term]] = {
            "bvar": lambda j: store.bound(natural(j, MAX_BINDING)),
            "sort": lambda j: store.sort(self.level(j)),
            "const": self._const,
            "app": lambda j: store.app(self.term(j["fn"]), self.term(j["arg"])),
            "lam": lambda j: store.lam(self.term(j["type"]), self.term(j["body"])),
            "forallE": lambda j: store.pi(self.term(j["type"]), self.term(j["body"])),
            "letE": self._let,
            "proj": self._proj,
            "natVal": lambda j: store.nat(numeral(j)),
            "strVal": lambda j: store.text(clean_text(j)),
            "mdata": lambda j: self.term(j["expr"]),
        }

    def line(self, j: Json) -> Iterator[Declaration]:
        """What one line declares; an entry declares nothing."""
        try:
            if "meta" in j:
                self._meta(j["meta"])
            elif not self.has_meta:
                raise Malformed("export", "the first line has to say which format this is")
            elif "in" in j:
                self._put(self.names, j["in"], self._name(j))
            elif "il" in j:
                self._put(self.levels, j["il"], self._level(j))
            elif "ie" in j:
                self._put(self.terms, j["ie"], self._term(j))
            else:
                yield from self._declarations(j)
        except (LookupError, TypeError, AttributeError, ValueError) as e:
            raise Malformed("export", f"an entry of wrong shape ({e})") from e

    def _meta(self, meta: Json) -> None:
        version = str(meta.get("format", {}).get("version") or meta["exporter"]["version"])
        if version.split(".")[0] != "3":
            raise Declined(f"export format {version[:20]}; this reads 3.x")
        self.has_meta = True

    @staticmethod
    def _put(table: dict[int, T], index: object, value: T) -> None:
        i = natural(index)
        if i in table:
            raise Malformed("index", f"{i} is defined twice")
        table[i] = value

    def name(self, i: object) -> Name:
        return self._at(self.names, i)

    def level(self, i: object) -> Level:
        return self._at(self.levels, i)

    def term(self, i: object) -> Term:
        return self._at(self.terms, i)

    @staticmethod
    def _at(table: dict[int, T], index: object) -> T:
        found = table.get(natural(index))
        if found is None:
            raise Malformed("index", f"{index} is not defined above")
        return found

    def _name(self, j: Json) -> Name:
        if "str" in j:
            return extend(self.name(j["str"]["pre"]), clean_text(j["str"]["str"]))
        return extend(self.name(j["num"]["pre"]), natural(j["num"]["i"], 1 << 63))

    def _level(self, j: Json) -> Level:
        if "succ" in j:
            return self.store.succ(self.level(j["succ"]))
        if "param" in j:
            return self.store.param(self.name(j["param"]))
        word = "max" if "max" in j else "imax"
        a, b = j[word]
        make = self.store.max if word == "max" else self.store.imax
        return make(self.level(a), self.level(b))

    def _term(self, j: Json) -> Term:
        words = [w for w in j if w != "ie"]
        maker = self._makers.get(words[0]) if len(words) == 1 else None
        if maker is None:
            raise Malformed("term", f"no term is made of {', '.join(words)[:60]}")
        return maker(j[words[0]])

    def _const(self, j: Json) -> Term:
        return self.store.const(self.name(j["name"]), tuple(self.level(u) for u in j["us"]))

    def _let(self, j: Json) -> Term:
        type_, value = self.term(j["type"]), self.term(j["value"])
        return self.store.let(type_, value, self.term(j["body"]))

    def _proj(self, j: Json) -> Term:
        index = natural(j["idx"], 1 << 63)
        return self.store.proj(self.name(j["typeName"]), index, self.term(j["struct"]))

    def _declarations(self, j: Json) -> Iterator[Declaration]:
        words = list(j)
        kinds: dict[str, Callable[[Json], Declaration]] = {
            "axiom": self._axiom,
            "def": self._def,
            "thm": self._thm,
            "opaque": self._opaque,
            "quot": self._quot,
            "inductive": self._inductive,
        }
        if len(words) != 1 or words[0] not in kinds:
            raise Malformed("declaration", f"no declaration is {', '.join(words)[:60]}")
        values = j[words[0]]
        for value in values if isinstance(values, list) else [values]:
            yield kinds[words[0]](value)

    def _head(self, j: Json) -> tuple[Name, tuple[Name, ...], Term]:
        return self.name(j["name"]), self.names_at(j["levelParams"]), self.term(j["type"])

    def names_at(self, indices: Iterable[object]) -> tuple[Name, ...]:
        return tuple(self.name(i) for i in indices)

    def _axiom(self, j: Json) -> Declaration:
        return Axiom(*self._head(j), unsafe=_flag(j, "isUnsafe"))

    def _def(self, j: Json) -> Declaration:
        safety = j.get("safety", "safe")
        if safety not in ("safe", "unsafe", "partial"):
            raise Malformed("declaration", "safety is safe, unsafe or partial")
        return Definition(
            *self._head(j),
            unsafe=safety == "unsafe",
            partial=safety == "partial",
            value=self.term(j["value"]),
            height=-2 if j.get("hints") == "abbrev" else -1,
        )

    def _thm(self, j: Json) -> Declaration:
        return Theorem(*self._head(j), value=self.term(j["value"]))

    def _opaque(self, j: Json) -> Declaration:
        return Opaque(*self._head(j), unsafe=_flag(j, "isUnsafe"), value=self.term(j["value"]))

    def _quot(self, j: Json) -> Declaration:
        return Quotient(*self._head(j), role=str(j["kind"]))

    def _inductive(self, j: Json) -> Declaration:
        types = j["types"] if "types" in j else j["inductiveVals"]
        ctors = j["ctors"] if "ctors" in j else j["constructorVals"]
        recs = j["recs"] if "recs" in j else j["recursorVals"]
        inductives = [self._inductive_claim(t) for t in types]
        constructors = [self._constructor_claim(c) for c in ctors]
        recursors = [self._recursor_claim(r) for r in recs]
        unsafe = any(c.unsafe for c in [*inductives, *constructors, *recursors])
        claims: tuple[Constant, ...] = (*inductives, *constructors, *recursors)
        return InductiveBlock(block_spec(inductives, constructors), claims, unsafe)

    def _inductive_claim(self, j: Json) -> Inductive:
        return Inductive(
            *self._head(j),
            unsafe=_flag(j, "isUnsafe"),
            num_params=natural(j["numParams"], MAX_BINDING),
            num_indices=natural(j["numIndices"]),
            block=self.names_at(j["all"]),
            constructors=self.names_at(j["ctors"]),
        )

    def _constructor_claim(self, j: Json) -> Constructor:
        return Constructor(
            *self._head(j),
            unsafe=_flag(j, "isUnsafe"),
            inductive=self.name(j["induct"]),
            index=natural(j["cidx"]),
            num_params=natural(j["numParams"]),
            num_fields=natural(j["numFields"]),
        )

    def _recursor_claim(self, j: Json) -> Recursor:
        return Recursor(
            *self._head(j),
            unsafe=_flag(j, "isUnsafe"),
            block=self.names_at(j["all"]),
            num_params=natural(j["numParams"]),
            num_indices=natural(j["numIndices"]),
            num_motives=natural(j["numMotives"]),
            num_minors=natural(j["numMinors"]),
            rules=tuple(
                Rule(self.name(r["ctor"]), natural(r["nfields"]), self.term(r["rhs"]))
                for r in j["rules"]
            ),
            k=_flag(j, "k"),
        )


def _flag(j: Json, key: str) -> bool:
    value = j.get(key, False)
    if type(value) is not bool:
        raise Malformed("declaration", f"{key} is true or false")
    return value


def block_spec(inductives: list[Inductive], constructors: list[Constructor]) -> BlockSpec:
    """The block that a list of types with their constructors declares.

    Raises:
        Malformed: they do not belong together.
    """
    by_name = {c.name: c for c in constructors}
    if len(by_name) != len(constructors):
        raise Malformed("block", "two constructors have one name")
    if not inductives:
        raise Malformed("block", "a block without a type")
    first = inductives[0]
    used: list[Name] = []
    types: list[TypeSpec] = []
    for t in inductives:
        if (t.params, t.num_params) != (first.params, first.num_params):
            raise Malformed("block", "the types of a block have different parameters")
        own: list[tuple[Name, Term]] = []
        for n in t.constructors:
            c = by_name.get(n)
            if c is None or c.inductive != t.name or c.params != first.params:
                raise Malformed("block", f"{show(n)} is no constructor of {show(t.name)}")
            own.append((n, c.type))
            used.append(n)
        types.append(TypeSpec(t.name, t.type, tuple(own)))
    if sorted(map(repr, used)) != sorted(map(repr, by_name)):
        raise Malformed("block", "a constructor belongs to no type, or to two")
    return BlockSpec(first.params, first.num_params, tuple(types))
