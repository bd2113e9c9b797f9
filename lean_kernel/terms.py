"""Terms, one object for each structure: what is equal letter by letter is the same object.

Bound variables are de Bruijn indices. A variable that a check has opened is `Free`: a number,
larger than every number that occurs free in the term opened, and its type. So a judgement depends
on its terms alone, and what was found for a term holds wherever the term stands. Binder names,
binder kinds and metadata have no meaning to the kernel and are not kept.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from .errors import Malformed
from .levels import Level
from .names import Name, show

if TYPE_CHECKING:
    from .store import Store

Go = Callable[["Term", int], "Term"]


class Term:
    """A node.

    `loose`: one more than the largest loose bound index. `free`: one more than the largest number
    of a free variable. `params`: whether a universe parameter occurs. `depth`: nesting.
    """

    __slots__ = ("depth", "free", "loose", "params")
    depth: int
    free: int
    loose: int
    params: bool

    def rebuild(self, store: "Store", go: Go, k: int) -> "Term":
        """The node with `go` of its parts; `k` binders lie above it."""
        del store, go, k
        return self

    def parts(self) -> "tuple[Term, ...]":
        """Direct subterms."""
        return ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.parts()))})"


class Bound(Term):
    """A bound variable, counted from the inside."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index
        self.loose, self.free, self.params, self.depth = index + 1, 0, False, 1

    def __repr__(self) -> str:
        return f"#{self.index}"


class Free(Term):
    """An opened variable with its type."""

    __slots__ = ("number", "type")

    def __init__(self, number: int, type_: Term) -> None:
        self.number, self.type = number, type_
        self.loose, self.free, self.depth = 0, number + 1, 1
        self.params = type_.params

    def __repr__(self) -> str:
        return f"x{self.number}"


class Sort(Term):
    """A universe."""

    __slots__ = ("level",)

    def __init__(self, level: Level) -> None:
        self.level = level
        self.loose, self.free, self.params, self.depth = 0, 0, level.has_param, 1

    def __repr__(self) -> str:
        return f"Sort {self.level!r}"


class Const(Term):
    """A constant at levels."""

    __slots__ = ("levels", "name")

    def __init__(self, n: Name, levels: tuple[Level, ...]) -> None:
        self.name, self.levels = n, levels
        self.loose, self.free, self.depth = 0, 0, 1
        self.params = any(u.has_param for u in levels)

    def __repr__(self) -> str:
        return show(self.name)


class Nat(Term):
    """A literal natural number."""

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value
        self.loose, self.free, self.params, self.depth = 0, 0, False, 1

    def __repr__(self) -> str:
        return str(self.value) if self.value.bit_length() < 256 else "a large number"


class Text(Term):
    """A literal text."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value
        self.loose, self.free, self.params, self.depth = 0, 0, False, 1

    def __repr__(self) -> str:
        return repr(self.value)


class App(Term):
    """An application to one argument."""

    __slots__ = ("arg", "fn")

    def __init__(self, fn: Term, arg: Term) -> None:
        self.fn, self.arg = fn, arg
        self.loose = fn.loose if fn.loose > arg.loose else arg.loose
        self.free = fn.free if fn.free > arg.free else arg.free
        self.params = fn.params or arg.params
        self.depth = 1 + (fn.depth if fn.depth > arg.depth else arg.depth)

    def rebuild(self, store: "Store", go: Go, k: int) -> Term:
        """The application of what became of both parts."""
        return store.app(go(self.fn, k), go(self.arg, k))

    def parts(self) -> tuple[Term, ...]:
        """Function and argument."""
        return (self.fn, self.arg)


class Binder(Term):
    """A function or a function type: the type of the variable, and a body under one binder."""

    __slots__ = ("body", "type")

    def __init__(self, type_: Term, body: Term) -> None:
        self.type, self.body = type_, body
        self.loose = max(type_.loose, body.loose - 1)
        self.free = max(type_.free, body.free)
        self.params = type_.params or body.params
        self.depth = 1 + max(type_.depth, body.depth)

    def parts(self) -> tuple[Term, ...]:
        """Type of the variable and body."""
        return (self.type, self.body)


class Lam(Binder):
    """A function."""

    __slots__ = ()

    def rebuild(self, store: "Store", go: Go, k: int) -> Term:
        """The function of what became of both parts."""
        return store.lam(go(self.type, k), go(self.body, k + 1))


class Pi(Binder):
    """A function type."""

    __slots__ = ()

    def rebuild(self, store: "Store", go: Go, k: int) -> Term:
        """The function type of what became of both parts."""
        return store.pi(go(self.type, k), go(self.body, k + 1))


class Let(Term):
    """A local definition."""

    __slots__ = ("body", "type", "value")

    def __init__(self, type_: Term, value: Term, body: Term) -> None:
        self.type, self.value, self.body = type_, value, body
        self.loose = max(type_.loose, value.loose, body.loose - 1)
        self.free = max(type_.free, value.free, body.free)
        self.params = type_.params or value.params or body.params
        self.depth = 1 + max(type_.depth, value.depth, body.depth)

    def rebuild(self, store: "Store", go: Go, k: int) -> Term:
        """The local definition of what became of the parts."""
        return store.let(go(self.type, k), go(self.value, k), go(self.body, k + 1))

    def parts(self) -> tuple[Term, ...]:
        """Type, value and body."""
        return (self.type, self.value, self.body)


class Proj(Term):
    """A field of a structure's value, counted from 0."""

    __slots__ = ("index", "structure", "term")

    def __init__(self, structure: Name, index: int, term: Term) -> None:
        self.structure, self.index, self.term = structure, index, term
        self.loose, self.free, self.params = term.loose, term.free, term.params
        self.depth = 1 + term.depth

    def rebuild(self, store: "Store", go: Go, k: int) -> Term:
        """The same field of what became of the value."""
        return store.proj(self.structure, self.index, go(self.term, k))

    def parts(self) -> tuple[Term, ...]:
        """The value."""
        return (self.term,)

    def __repr__(self) -> str:
        return f"{self.term!r}.{self.index}"


TEXT_NAMES: frozenset[Name] = frozenset(
    {("String",), ("String", "ofList"), ("List",), ("Char",), ("Char", "ofNat")}
)
"""What the meaning of a text rests on, although none of it stands in the term."""


def spine(term: Term) -> tuple[Term, list[Term]]:
    """The head of an application and its arguments in order."""
    args: list[Term] = []
    while type(term) is App:
        args.append(term.arg)
        term = term.fn
    args.reverse()
    return term, args


def head(term: Term) -> Term:
    """The head of an application."""
    while type(term) is App:
        term = term.fn
    return term


def subterms(*roots: Term) -> list[Term]:
    """All subterms of the roots, each once."""
    seen = set(roots)
    todo = list(seen)
    for term in todo:
        for part in term.parts():
            if part not in seen:
                seen.add(part)
                todo.append(part)
    return todo


def constants_of(*roots: Term) -> set[Name]:
    """Names that occur in the roots: of constants, of projections, and those behind literals."""
    found: set[Name] = set()
    for term in subterms(*roots):
        if type(term) is Const:
            found.add(term.name)
        elif type(term) is Proj:
            found.add(term.structure)
        elif type(term) is Nat:
            found.add(("Nat",))
        elif type(term) is Text:
            found |= TEXT_NAMES
    return found


def require_closed(what: str, term: Term) -> None:
    """Raises `Malformed` for a loose bound variable or a free one."""
    if term.loose or term.free:
        raise Malformed("closed", f"{what} has a variable that nothing binds")
