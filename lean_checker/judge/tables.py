"""Tables of declarations as a Lean server writes them, parsed strictly: they may be forged.

The format is that of ``terms`` in ``docs/reference/lean-server-protocol.md``. Everything is checked
that can be checked without knowing what a term means: every entry is made of earlier ones, has the
right number of parts, and every declaration is closed and declares the universe parameters it uses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NoReturn

Name = tuple[str | int, ...]

MAX_ENTRIES = 600_000
MAX_COMPONENT = 2**63
"""Numbers in names; those that hygiene makes need 32 bits."""
MAX_INDEX = 2**16
MAX_DEPTH = 20_000
MAX_LEVEL_DEPTH = 200
MAX_COMPONENTS = 128
MAX_DIGITS = 5_100_000
"""Decimal digits of a literal, which 2^24 bits need at most."""
_NUMERAL = re.compile(r"0|[1-9][0-9]*")
_SHAPES = {"b": 2, "s": 2, "a": 3, "l": 5, "p": 5, "e": 6, "n": 2, "t": 2, "j": 4}
_LEVEL_SHAPES = {"z": 1, "s": 2, "m": 3, "i": 3, "p": 2}


class MalformedTables(ValueError):
    """What was answered is no table of declarations."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A theorem (``thm``), definition (``def``), opaque constant (``opq``) or axiom (``axm``).

    Attributes:
        kind: one of these words.
        name: its name.
        params: names of its universe parameters.
        type: index of its type.
        value: index of its value; None for an axiom.
        hint: how eagerly a definition unfolds, as the server claims: 0 never, 1 at once.
    """

    kind: str
    name: Name
    params: tuple[Name, ...]
    type: int
    value: int | None = None
    hint: int = 0


@dataclass(frozen=True, slots=True)
class InductiveType:
    """A type of a block, with the index of its own type and its constructors' names and types."""

    name: Name
    type: int
    constructors: tuple[tuple[Name, int], ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Inductive types declared together.

    Attributes:
        params: names of their universe parameters.
        parameters: how many arguments are the same in all of the block.
        types: the types.
    """

    params: tuple[Name, ...]
    parameters: int
    types: tuple[InductiveType, ...]


Declaration = Constant | Block


@dataclass(frozen=True, slots=True)
class Tables:
    """Well-formed tables. Entries of levels and terms are tuples whose first part is a word.

    Attributes:
        names: whole names, by index.
        levels: universe levels.
        exprs: terms.
        declarations: in order.
    """

    names: tuple[Name, ...]
    levels: tuple[tuple[Any, ...], ...]
    exprs: tuple[tuple[Any, ...], ...]
    declarations: tuple[Declaration, ...]


def parse_tables(value: object) -> Tables:
    """Parse what a server answered.

    Raises:
        MalformedTables: it is no table of declarations, or one too large.
    """
    return _Parser(value).tables()


def shown_name(name: Name) -> str:
    """Return a name for a message; two different names may look alike."""
    return ".".join(str(part) for part in name) or "[anonymous]"


def _fail(what: str) -> NoReturn:
    raise MalformedTables(what)


def _text(value: object, what: str) -> str:
    if type(value) is not str:
        _fail(f"{what} is no text")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            _fail(f"{what} holds half a surrogate pair")
    return value


def _number(value: object, below: int, what: str) -> int:
    if type(value) is not int or not 0 <= value < below:
        _fail(f"{what} is not a number below {below}")
    return value


class _Parser:
    """Parses one table after the other, keeping what is known of each entry.

    ``_loose``: one more than the largest variable that nothing binds. ``_params``: bits of the
    universe parameters that occur, by the order in which levels mention them.
    """

    def __init__(self, value: object) -> None:
        if type(value) is not dict or set(value) != {"names", "levels", "exprs", "declarations"}:
            _fail("not the four tables")
        for key, part in value.items():
            if type(part) is not list or len(part) > MAX_ENTRIES:
                _fail(f"{key} is no array, or a very long one")
        self._value: dict[str, list[Any]] = value
        self._names: list[Name] = []
        self._levels: list[tuple[Any, ...]] = []
        self._level_params: list[int] = []
        self._level_depth: list[int] = []
        self._bits: dict[Name, int] = {}
        self._exprs: list[tuple[Any, ...]] = []
        self._loose: list[int] = []
        self._params: list[int] = []
        self._depth: list[int] = []

    def tables(self) -> Tables:
        """Return everything, parsed."""
        self._parse_names()
        for entry in self._value["levels"]:
            self._parse_level(entry)
        for entry in self._value["exprs"]:
            self._parse_expr(entry)
        declarations = tuple(map(self._parse_declaration, self._value["declarations"]))
        return Tables(tuple(self._names), tuple(self._levels), tuple(self._exprs), declarations)

    def _parse_names(self) -> None:
        entries = self._value["names"]
        if not entries or entries[0] is not None:
            _fail("the first name is not the anonymous one")
        self._names.append(())
        for entry in entries[1:]:
            if type(entry) is not list or len(entry) != 2:
                _fail("a name that has not two parts")
            parent, part = entry
            prefix = self._names[_number(parent, len(self._names), "the parent of a name")]
            if len(prefix) >= MAX_COMPONENTS:
                _fail("a name of very many components")
            last = _number(part, MAX_COMPONENT, "a component") if type(part) is int else None
            self._names.append((*prefix, _text(part, "a component") if last is None else last))

    def _name(self, value: object) -> Name:
        return self._names[_number(value, len(self._names), "a name")]

    def _parse_level(self, entry: object) -> None:
        word = self._word(entry, _LEVEL_SHAPES)
        assert isinstance(entry, list)  # noqa: S101 - `_word` saw to it
        params, depth = 0, 0
        if word == "p":
            bit = self._bits.setdefault(self._name(entry[1]), len(self._bits))
            params = 1 << bit
        else:
            for part in entry[1:]:
                below = _number(part, len(self._levels), "a level")
                params |= self._level_params[below]
                depth = max(depth, self._level_depth[below] + 1)
        if depth > MAX_LEVEL_DEPTH:
            _fail("a very deep level")
        self._levels.append(tuple(entry))
        self._level_params.append(params)
        self._level_depth.append(depth)

    def _word(self, entry: object, shapes: dict[str, int]) -> str:
        if type(entry) is not list or not entry or type(entry[0]) is not str:
            _fail("an entry without a word")
        word: str = entry[0]
        if shapes.get(word) != len(entry):
            _fail(f"an entry {word[:8]!r} of {len(entry)} parts")
        return word

    def _parse_expr(self, entry: object) -> None:
        if type(entry) is list and len(entry) > 1 and entry[0] == "c":
            self._parse_const(entry)
            return
        word = self._word(entry, _SHAPES)
        assert isinstance(entry, list)  # noqa: S101 - `_word` saw to it
        if word == "b":
            self._keep(entry, _number(entry[1], MAX_INDEX, "a variable") + 1, 0, 0)
        elif word == "s":
            level = _number(entry[1], len(self._levels), "a level")
            self._keep(entry, 0, self._level_params[level], 0)
        elif word == "n":
            digits = _text(entry[1], "a numeral")
            if len(digits) > MAX_DIGITS or not _NUMERAL.fullmatch(digits):
                _fail("a numeral of another form")
            self._keep(entry, 0, 0, 0)
        elif word == "t":
            _text(entry[1], "a literal")
            self._keep(entry, 0, 0, 0)
        else:
            self._parse_node(word, entry)

    def _parse_const(self, entry: list[Any]) -> None:
        self._name(entry[1])
        params = 0
        for part in entry[2:]:
            params |= self._level_params[_number(part, len(self._levels), "a level")]
        self._keep(entry, 0, params, 0)

    def _parse_node(self, word: str, entry: list[Any]) -> None:
        """An entry that is made of other terms; the last of a binder's stands under it."""
        bound = 0
        if word == "a":
            parts = entry[1:]
        elif word == "j":
            self._name(entry[1])
            _number(entry[2], MAX_INDEX, "a field")
            parts = entry[3:]
        else:
            self._name(entry[1])
            _number(entry[-1], 2 if word == "e" else 4, "a kind of binder")
            parts, bound = entry[2:-1], 1
        count = len(self._exprs)
        indices = [_number(part, count, "a term") for part in parts]
        free = [self._loose[index] for index in indices]
        free[-1] -= bound
        params = 0
        for index in indices:
            params |= self._params[index]
        self._keep(entry, max(free), params, 1 + max(self._depth[i] for i in indices))

    def _keep(self, entry: list[Any], loose: int, params: int, depth: int) -> None:
        if depth > MAX_DEPTH:
            _fail("a very deep term")
        self._exprs.append(tuple(entry))
        self._loose.append(loose)
        self._params.append(params)
        self._depth.append(depth)

    def _parse_declaration(self, entry: object) -> Declaration:
        if type(entry) is not list or not entry or type(entry[0]) is not str:
            _fail("a declaration without a word")
        kind = entry[0]
        if kind == "ind":
            return self._parse_block(entry)
        length = {"thm": 5, "opq": 5, "def": 6, "axm": 4}.get(kind)
        if length != len(entry):
            _fail(f"a declaration {kind[:8]!r} of {len(entry)} parts")
        params = self._parse_params(entry[2])
        value = None if kind == "axm" else self._closed(entry[4], params)
        hint = _number(entry[5], 2**33, "a hint") if kind == "def" else 0
        return Constant(
            kind, self._declared(entry[1]), params, self._closed(entry[3], params), value, hint
        )

    def _declared(self, value: object) -> Name:
        name = self._name(value)
        return name or _fail("a declaration without a name")

    def _parse_params(self, value: object) -> tuple[Name, ...]:
        if type(value) is not list:
            _fail("universe parameters that are no array")
        params = tuple(map(self._name, value))
        if len(set(params)) != len(params) or () in params:
            _fail("universe parameters that repeat or have no name")
        return params

    def _closed(self, value: object, params: tuple[Name, ...]) -> int:
        index = _number(value, len(self._exprs), "a term")
        if self._loose[index]:
            _fail("a variable that nothing binds")
        allowed = sum(1 << self._bits[name] for name in params if name in self._bits)
        if self._params[index] & ~allowed:
            _fail("a universe parameter that is not declared")
        return index

    def _parse_block(self, entry: list[Any]) -> Block:
        if len(entry) != 4 or type(entry[3]) is not list or not entry[3]:
            _fail("a block of types of another form")
        params = self._parse_params(entry[1])
        types = tuple(self._parse_type(one, params) for one in entry[3])
        return Block(params, _number(entry[2], MAX_INDEX, "a number of parameters"), types)

    def _parse_type(self, entry: object, params: tuple[Name, ...]) -> InductiveType:
        if type(entry) is not list or len(entry) != 3 or type(entry[2]) is not list:
            _fail("a type of another form")
        constructors = []
        for one in entry[2]:
            if type(one) is not list or len(one) != 2:
                _fail("a constructor of another form")
            constructors.append((self._declared(one[0]), self._closed(one[1], params)))
        return InductiveType(
            self._declared(entry[0]), self._closed(entry[1], params), tuple(constructors)
        )
