"""A small library for tests of the kernel, and short words to build terms with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aludel.lean_kernel.api import failure
from aludel.lean_kernel.budget import Budget, run_deep
from aludel.lean_kernel.declarations import Declaration, InductiveBlock, add_declaration
from aludel.lean_kernel.environment import (
    Axiom,
    Constant,
    Definition,
    Environment,
    Opaque,
    Quotient,
    Theorem,
)
from aludel.lean_kernel.errors import Declined, Refused
from aludel.lean_kernel.inductive import BlockSpec, TypeSpec
from aludel.lean_kernel.levels import Level
from aludel.lean_kernel.names import Name, name
from aludel.lean_kernel.quotient import ROLES, quotient_types
from aludel.lean_kernel.store import Store
from aludel.lean_kernel.terms import Free, Term

Ctors = Sequence[tuple[str, Term]]


class World:
    """An environment under construction. `off` are rules switched off."""

    def __init__(self, *off: str, steps: int = 5_000_000) -> None:
        self.budget = Budget(steps)
        self.s = Store(self.budget)
        self.env = Environment(self.s, off=frozenset(off))
        self.counter = 0

    # terms

    def level(self, u: int | str | Level) -> Level:
        if isinstance(u, int):
            return self.s.number(u)
        return self.s.param(name(u)) if isinstance(u, str) else u

    def sort(self, u: int | str | Level) -> Term:
        return self.s.sort(self.level(u))

    def c(self, n: str, *levels: int | str | Level) -> Term:
        return self.s.const(name(n), tuple(self.level(u) for u in levels))

    def app(self, fn: Term | str, *args: Term) -> Term:
        return self.s.apps(self.c(fn) if isinstance(fn, str) else fn, args)

    def arrow(self, *parts: Term) -> Term:
        """Non-dependent function types, from closed parts or parts over variables."""
        result = parts[-1]
        for part in reversed(parts[:-1]):
            result = self.s.pi(part, result)
        return result

    def _bind(self, make: Callable[[Term, Term], Term], doms: object, body: object) -> Term:
        xs: list[Free] = []
        for dom in doms if isinstance(doms, list | tuple) else [doms]:
            type_ = dom(*xs) if callable(dom) else dom
            assert isinstance(type_, Term)
            self.counter += 1
            xs.append(self.s.free_variable(1000 + self.counter, type_))
        result = body(*xs) if callable(body) else body
        assert isinstance(result, Term)
        return self.s.bind(make, xs, result)

    def pi(self, doms: object, body: object) -> Term:
        """`pi([A, lambda x: B(x)], lambda x, y: C)`."""
        return self._bind(self.s.pi, doms, body)

    def lam(self, doms: object, body: object) -> Term:
        return self._bind(self.s.lam, doms, body)

    def let(self, type_: Term, value: Term, body: Callable[[Term], Term]) -> Term:
        self.counter += 1
        x = self.s.free_variable(1000 + self.counter, type_)
        return self.s.let(type_, value, self.s.abstract(body(x), [x]))

    def nat(self, n: int) -> Term:
        return self.s.nat(n)

    # declarations

    def add(self, declaration: Declaration) -> None:
        add_declaration(self.env, declaration, self.budget)

    def axiom(self, n: str, type_: Term, params: Sequence[str] = ()) -> Term:
        self.add(Axiom(name(n), tuple(map(name, params)), type_))
        return self.c(n, *params)

    def define(self, n: str, type_: Term, value: Term, params: Sequence[str] = ()) -> Term:
        self.add(Definition(name(n), tuple(map(name, params)), type_, value=value))
        return self.c(n, *params)

    def theorem(self, n: str, type_: Term, value: Term, params: Sequence[str] = ()) -> Term:
        self.add(Theorem(name(n), tuple(map(name, params)), type_, value=value))
        return self.c(n, *params)

    def opaque(self, n: str, type_: Term, value: Term, params: Sequence[str] = ()) -> Term:
        self.add(Opaque(name(n), tuple(map(name, params)), type_, value=value))
        return self.c(n, *params)

    def block(
        self,
        types: Sequence[tuple[str, Term, Ctors]],
        num_params: int = 0,
        params: Sequence[str] = (),
        claims: tuple[Constant, ...] = (),
    ) -> None:
        specs = tuple(
            TypeSpec(name(n), t, tuple((name(c), x) for c, x in ctors)) for n, t, ctors in types
        )
        spec = BlockSpec(tuple(map(name, params)), num_params, specs)
        self.add(InductiveBlock(spec, claims))

    def inductive(
        self, n: str, type_: Term, ctors: Ctors, num_params: int = 0, params: Sequence[str] = ()
    ) -> Term:
        self.block([(n, type_, ctors)], num_params, params)
        return self.c(n, *params)

    # a library

    def logic(self) -> World:
        """`True`, `False`, `Bool`, `Nat`, `Eq`, `And`, `PUnit`, `Prod`, `Exists`, `id`."""
        prop, type0 = self.sort(0), self.sort(1)
        self.inductive("False", prop, [])
        self.inductive("True", prop, [("True.intro", self.c("True"))])
        self.inductive(
            "Bool", type0, [("Bool.false", self.c("Bool")), ("Bool.true", self.c("Bool"))]
        )
        nat = self.c("Nat")
        self.inductive("Nat", type0, [("Nat.zero", nat), ("Nat.succ", self.arrow(nat, nat))])
        self._equality()
        and_ = self.c("And")
        intro = self.pi([prop, prop], lambda p, q: self.arrow(p, q, self.app(and_, p, q)))
        self.inductive("And", self.arrow(prop, prop, prop), [("And.intro", intro)], 2)
        unit = self.c("PUnit", "u")
        self.inductive("PUnit", self.sort("u"), [("PUnit.unit", unit)], 0, ["u"])
        self._pairs()
        sort_u = self.sort("u")
        self.define("id", self.pi(sort_u, lambda a: self.arrow(a, a)),
                    self.lam([sort_u, lambda a: a], lambda _, x: x), ["u"])  # fmt: skip
        return self

    def _equality(self) -> None:
        sort_u = self.sort("u")
        eq = self.c("Eq", "u")
        self.inductive(
            "Eq",
            self.pi(sort_u, lambda a: self.arrow(a, a, self.sort(0))),
            [("Eq.refl", self.pi([sort_u, lambda a: a], lambda a, x: self.app(eq, a, x, x)))],
            2,
            ["u"],
        )

    def _pairs(self) -> None:
        u, v = self.sort(self.s.succ(self.level("u"))), self.sort(self.s.succ(self.level("v")))
        both = self.s.succ(self.s.max(self.level("u"), self.level("v")))
        prod = self.c("Prod", "u", "v")
        make = self.pi([u, v], lambda a, b: self.arrow(a, b, self.app(prod, a, b)))
        self.inductive(
            "Prod", self.arrow(u, v, self.sort(both)), [("Prod.mk", make)], 2, ["u", "v"]
        )

    def lists(self) -> World:
        type_u = self.sort(self.s.succ(self.level("u")))
        lst = self.c("List", "u")
        nil = self.pi(type_u, lambda a: self.app(lst, a))
        cons = self.pi(type_u, lambda a: self.arrow(a, self.app(lst, a), self.app(lst, a)))
        self.inductive(
            "List", self.arrow(type_u, type_u), [("List.nil", nil), ("List.cons", cons)], 1, ["u"]
        )
        return self

    def quotients(self) -> World:
        for role, n in ROLES.items():
            params, type_ = quotient_types(self.s)[role]
            self.add(Quotient(n, params, type_, role=role))
        return self

    def eq(self, type_: Term, a: Term, b: Term, u: int | str = 1) -> Term:
        return self.app(self.c("Eq", u), type_, a, b)

    def refl(self, type_: Term, a: Term, u: int | str = 1) -> Term:
        return self.app(self.c("Eq.refl", u), type_, a)


def outcome(build: Callable[[], object]) -> str:
    """`accepted`, or the rule that was broken, or `declined`."""
    try:
        run_deep(build)
    except (Refused, Declined) as e:
        found = failure(e, Budget(0))
        return found.rule or found.verdict
    return "accepted"


def names(*texts: str) -> tuple[Name, ...]:
    return tuple(map(name, texts))
