"""The table of all terms of a check, and the operations that make new ones from old ones."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from .budget import MAX_NAT_BITS, MAX_TERM_DEPTH, Budget
from .errors import OutOfBudget
from .levels import Level, LevelTable
from .names import Name
from .terms import App, Bound, Const, Free, Lam, Let, Nat, Pi, Proj, Sort, Term, Text

N = TypeVar("N", bound=Term)


class Store(LevelTable):
    """All terms of a check. One with a parent finds the parent's nodes and adds to itself only."""

    def __init__(self, budget: Budget, parent: "Store | None" = None) -> None:
        super().__init__(budget, parent)
        self._terms: dict[object, Term] = {}
        self._parent_terms: dict[object, Term] = parent._terms if parent else {}
        self.prop = self.sort(self.zero)

    def _keep(self, key: object, node: N) -> N:
        budget = self.budget
        budget.left -= 1
        if budget.left < 0:
            raise OutOfBudget("steps")
        if node.depth > MAX_TERM_DEPTH:
            raise OutOfBudget("nesting of a term")
        self._terms[key] = node
        return node

    def _find(self, key: object) -> Term | None:
        return self._terms.get(key) or self._from_parent(key)

    def _from_parent(self, key: object) -> Term | None:
        """A node of the parent. The first use costs a step, as a new node does: what other checks
        left in the parent must not change what this one costs."""
        found = self._parent_terms.get(key)
        if found is not None:
            self._keep(key, found)
        return found

    def bound(self, index: int) -> Term:
        """A bound variable."""
        return self._find(index) or self._keep(index, Bound(index))

    def free_variable(self, number: int, type_: Term) -> Free:
        """The variable of that number and type."""
        found = self._find((number, type_))
        return found if type(found) is Free else self._keep((number, type_), Free(number, type_))

    def sort(self, level: Level) -> Sort:
        """A universe."""
        found = self._find(level)
        return found if type(found) is Sort else self._keep(level, Sort(level))

    def const(self, n: Name, levels: tuple[Level, ...] = ()) -> Const:
        """A constant at levels."""
        key = ("c", n, levels)
        found = self._find(key)
        return found if type(found) is Const else self._keep(key, Const(n, levels))

    def app(self, fn: Term, arg: Term) -> Term:
        """An application."""
        key = (fn, arg)
        return self._terms.get(key) or self._from_parent(key) or self._keep(key, App(fn, arg))

    def lam(self, type_: Term, body: Term) -> Term:
        """A function."""
        key = ("l", type_, body)
        return self._find(key) or self._keep(key, Lam(type_, body))

    def pi(self, type_: Term, body: Term) -> Term:
        """A function type."""
        key = ("p", type_, body)
        return self._find(key) or self._keep(key, Pi(type_, body))

    def let(self, type_: Term, value: Term, body: Term) -> Term:
        """A local definition."""
        key = ("e", type_, value, body)
        return self._find(key) or self._keep(key, Let(type_, value, body))

    def proj(self, structure: Name, index: int, term: Term) -> Term:
        """A field of a value."""
        key = ("j", structure, index, term)
        return self._find(key) or self._keep(key, Proj(structure, index, term))

    def nat(self, value: int) -> Nat:
        """A literal number."""
        if value.bit_length() > MAX_NAT_BITS:
            raise OutOfBudget("bits of a number")
        key = ("n", value)
        found = self._find(key)
        if type(found) is Nat:
            return found
        self.budget.spend(value.bit_length() >> 6)
        return self._keep(key, Nat(value))

    def text(self, value: str) -> Term:
        """A literal text."""
        return self._find(("t", value)) or self._keep(("t", value), Text(value))

    def apps(self, fn: Term, args: Sequence[Term]) -> Term:
        """`fn` applied to all arguments in order."""
        for arg in args:
            fn = self.app(fn, arg)
        return fn

    def arrow(self, type_: Term, result: Term) -> Term:
        """A function type whose result does not use the variable; `result` has no loose index."""
        return self.pi(type_, result)

    def instantiate(self, body: Term, values: Sequence[Term]) -> Term:
        """`body` under as many binders as there are values, with these in their place.

        `values` are closed and stand in the order of the binders, the outermost first.
        """
        return _Instantiation(self, values).go(body, 0) if values else body

    def abstract(self, term: Term, variables: Sequence[Free]) -> Term:
        """`term` under as many binders as there are variables, which become bound."""
        if not variables:
            return term
        return _Abstraction(self, variables).go(term, 0)

    def bind(self, make: Callable[[Term, Term], Term], xs: Sequence[Free], body: Term) -> Term:
        """Binders (`lam` or `pi`) over `body` for the variables, the first one outermost."""
        body = self.abstract(body, xs)
        for i in range(len(xs) - 1, -1, -1):
            body = make(self.abstract(xs[i].type, xs[:i]), body)
        return body

    def at_levels(self, term: Term, values: dict[Name, Level]) -> Term:
        """`term` with its universe parameters exchanged. It has no free variables."""
        if not term.params or not values:
            return term
        return _AtLevels(self, values).go(term, 0)


# Each walk is an object: a function inside a function that calls itself would be a cycle of
# references, which stays until it is collected.


class _Instantiation:
    __slots__ = ("count", "done", "store", "values")

    def __init__(self, store: Store, values: Sequence[Term]) -> None:
        self.store, self.values, self.count = store, values, len(values)
        self.done: dict[tuple[Term, int], Term] = {}

    def go(self, t: Term, k: int) -> Term:
        if t.loose <= k:
            return t
        if type(t) is Bound:
            i = t.index - k
            count = self.count
            return self.values[count - 1 - i] if i < count else self.store.bound(t.index - count)
        key = (t, k)
        found = self.done.get(key)
        if found is None:
            if type(t) is App:
                fn, arg = t.fn, t.arg
                found = self.store.app(
                    fn if fn.loose <= k else self.go(fn, k),
                    arg if arg.loose <= k else self.go(arg, k),
                )
            else:
                found = t.rebuild(self.store, self.go, k)
            self.done[key] = found
        return found


class _Abstraction:
    __slots__ = ("done", "lowest", "position", "store")

    def __init__(self, store: Store, variables: Sequence[Free]) -> None:
        self.store = store
        last = len(variables) - 1
        self.position = {x: last - i for i, x in enumerate(variables)}
        self.lowest = min(x.number for x in variables)
        self.done: dict[tuple[Term, int], Term] = {}

    def go(self, t: Term, k: int) -> Term:
        if t.free <= self.lowest:
            return t
        if type(t) is Free:
            i = self.position.get(t)
            return t if i is None else self.store.bound(i + k)
        key = (t, k)
        found = self.done.get(key)
        if found is None:
            found = self.done[key] = t.rebuild(self.store, self.go, k)
        return found


class _AtLevels:
    __slots__ = ("done", "store", "values")

    def __init__(self, store: Store, values: dict[Name, Level]) -> None:
        self.store, self.values = store, values
        self.done: dict[Term, Term] = {}

    def go(self, t: Term, k: int) -> Term:
        if not t.params:
            return t
        found = self.done.get(t)
        if found is None:
            if type(t) is Sort:
                found = self.store.sort(self.store.substitute(t.level, self.values))
            elif type(t) is Const:
                levels = tuple(self.store.substitute(u, self.values) for u in t.levels)
                found = self.store.const(t.name, levels)
            else:
                found = t.rebuild(self.store, self.go, k)
            self.done[t] = found
        return found
