"""What the exports of `make_exports` declare, built without a check where a rule forbids it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kernel_world import World
from test_compare_cases import _text as add_text

from aludel.lean_kernel.environment import Axiom, Constant, Definition, Quotient, Theorem
from aludel.lean_kernel.names import name
from aludel.lean_kernel.quotient import ROLES, quotient_types
from aludel.lean_kernel.terms import Term

Build = Callable[[World], object]


def unchecked(w: World, constant: Constant) -> None:
    w.env.own[constant.name] = constant


def _stuck(w: World, lvl: Term) -> None:
    """A type in a sort that reduces to none."""
    w.inductive("Own", w.sort(1), [("Own.mk", w.arrow(w.c("Bool"), w.c("Own")))])
    own = w.env.get(name("Own"))
    unchecked(w, replace(own, type=lvl))


def opaque_sort(w: World) -> None:
    _stuck(w, w.opaque("lvl", w.sort(1), w.sort(0)))


def assumed_sort(w: World) -> None:
    _stuck(w, w.axiom("lvl", w.sort(1)))


def inhabited_stuck_sort(w: World) -> None:
    w.opaque("lvl", w.sort(1), w.sort(0))
    w.axiom("p", w.c("lvl"))
    unchecked(w, Axiom(name("bad"), (), w.c("p")))


def elimination_at(sort: Callable[[World], Term]) -> Build:
    def build(w: World) -> None:
        two = w.c("Two")
        w.inductive("Two", sort(w), [("Two.a", two), ("Two.b", two)])
        motive = w.lam(two, lambda _: w.sort(0))
        tell = w.app(w.c("Two.rec", 1), motive, w.c("False"), w.c("True"))
        w.define("bad", w.arrow(two, w.sort(0)), tell)

    return build


def imax_zero(w: World) -> Term:
    return w.sort(w.s.imax(w.s.one, w.s.zero))


def max_zero(w: World) -> Term:
    return w.sort(w.s.max(w.s.zero, w.s.imax(w.s.one, w.s.zero)))


def data_in_a_proposition(w: World) -> None:
    box = w.c("Box")
    w.inductive("Box", w.sort(0), [("Box.mk", w.arrow(w.c("Nat"), box))])
    nat = w.c("Nat")
    look = w.app(w.c("Box.rec", 1), w.lam(box, lambda _: nat), w.lam(nat, lambda n: n))
    w.define("bad", w.arrow(box, nat), look)


def sort_as(type_: Callable[[World], Any], value: Callable[[World], Any]) -> Build:
    """`def bad.{u, v} : Sort (type + 1) := Sort value`, unchecked."""

    def build(w: World) -> None:
        params = (name("u"), name("v"))
        declared = w.sort(w.s.succ(type_(w)))
        unchecked(w, Definition(name("bad"), params, declared, value=w.sort(value(w))))

    return build


def _accessible(w: World) -> tuple[Term, Term, Term]:
    """`u = v` and `v = true` by the rules of equality, and `u = true` by none of them."""
    nat, boolean, prop, true = w.c("Nat"), w.c("Bool"), w.sort(0), w.c("Bool.true")
    rel = w.arrow(nat, nat, prop)
    acc = w.c("Within")
    below = lambda r, x: w.pi([nat, lambda y: w.app(r, y, x)], lambda y, _: w.app(acc, r, y))  # noqa: E731
    intro = w.pi([rel, nat, below], lambda r, x, _: w.app(acc, r, x))
    w.inductive("Within", w.pi(rel, lambda _: w.arrow(nat, prop)), [("Within.intro", intro)], 1)
    none = w.define("none", rel, w.lam([nat, nat], lambda *_: w.c("False")))
    zero = w.nat(0)
    nothing = w.lam(
        [nat, lambda y: w.app(none, y, zero)],
        lambda y, h: w.app(
            w.c("False.rec", 0), w.lam(w.c("False"), lambda _: w.app(acc, none, y)), h
        ),
    )
    made = w.app("Within.intro", none, zero, nothing)
    hidden = w.opaque("hidden", w.app(acc, none, zero), made)
    motive = w.lam([nat, lambda x: w.app(acc, none, x)], lambda *_: boolean)
    step = w.lam(
        [
            nat,
            lambda x: below(none, x),
            lambda x, _: w.pi([nat, lambda y: w.app(none, y, x)], boolean),
        ],
        lambda *_: true,
    )
    look = w.define(
        "look",
        w.arrow(w.app(acc, none, zero), boolean),
        w.lam(
            w.app(acc, none, zero),
            lambda h: w.app(w.c("Within.rec", 1), none, motive, step, zero, h),
        ),
    )
    return w.app(look, hidden), w.app(look, made), true


def not_transitive(w: World) -> None:
    boolean = w.c("Bool")
    a, b, c = _accessible(w)
    w.theorem("first", w.eq(boolean, a, b), w.refl(boolean, b))
    w.theorem("second", w.eq(boolean, b, c), w.refl(boolean, c))
    unchecked(w, Theorem(name("third"), (), w.eq(boolean, a, c), value=w.refl(boolean, c)))


def helper_name(w: World) -> None:
    """Names that a kernel could have for the types it makes of a nested one."""
    tree, w_list = w.c("Tree"), w.c("List", 0)
    for n in ("_nested", "_nested.Tree_1", "Tree._nested"):
        w.inductive(n, w.sort(1), [])
    w.inductive("Tree", w.sort(1), [("Tree.node", w.arrow(w.app(w_list, tree), tree))])


def second_field(w: World) -> None:
    pair = w.app(w.c("Prod.mk", 0, 0), w.c("Nat"), w.c("Nat"), w.nat(1), w.nat(2))
    value = w.s.proj(name("Prod"), 1, pair)
    w.define("bad", w.c("Nat"), value)


def loose(w: World) -> None:
    unchecked(w, Theorem(name("bad"), (), w.c("False"), value=w.s.bound(0)))


def wrong_sum(op: str, x: int, y: int, claimed: int | bool) -> Build:
    """An operation of the library's name that is another, and what the library's would give."""

    def build(w: World) -> None:
        nat, boolean = w.c("Nat"), w.c("Bool")
        truth = isinstance(claimed, bool)
        result = boolean if truth else nat
        other = w.c("Bool.false") if truth else w.nat(7)
        w.define(op, w.arrow(nat, nat, result), w.lam([nat, nat], lambda *_: other))
        value = w.c("Bool.true") if truth else w.nat(claimed)
        goal = w.eq(result, w.app(op, w.nat(x), w.nat(y)), value)
        unchecked(w, Theorem(name("bad"), (), goal, value=w.refl(result, value)))

    return build


def texts(first: str, second: str) -> Build:
    def build(w: World) -> None:
        add_text(w)
        string = w.c("String")
        goal = w.eq(string, w.s.text(first), w.s.text(second))
        unchecked(w, Theorem(name("bad"), (), goal, value=w.refl(string, w.s.text(first))))

    return build


def text_of_a_number(w: World) -> None:
    """Where `String` is `Nat`, a text would be a number."""
    w.define("String", w.sort(1), w.c("Nat"))
    unchecked(w, Definition(name("bad"), (), w.c("Nat"), value=w.s.text("a")))


def own_quotient(w: World) -> None:
    """`Quot r` is a unit, all `Quot.mk r a` are equal, and `lift` would tell them apart."""
    params, type_ = quotient_types(w.s)["type"]
    unit = w.lam([w.sort("u"), lambda a: w.arrow(a, a, w.sort(0))], lambda *_: w.c("PUnit", "u"))
    w.add(Definition(ROLES["type"], params, type_, value=unit))
    for role in ("ctor", "lift"):
        params, type_ = quotient_types(w.s)[role]
        unchecked(w, Quotient(ROLES[role], params, type_, role=role))


def compiled(w: World) -> None:
    """The kernel of Lean would run `Lean.reduceBool`, whose value here is its argument's."""
    boolean, true = w.c("Bool"), w.c("Bool.true")
    w.opaque("Lean.reduceBool", w.arrow(boolean, boolean), w.lam(boolean, lambda b: b))
    goal = w.eq(boolean, w.app("Lean.reduceBool", true), true)
    unchecked(w, Theorem(name("bad"), (), goal, value=w.refl(boolean, true)))


def endless(w: World) -> None:
    """A loop of 10^9 rounds."""
    boolean, nat = w.c("Bool"), w.c("Nat")
    loop = w.arrow(boolean, boolean)
    motive, stop = w.lam(nat, lambda _: loop), w.lam(boolean, lambda x: x)
    step = w.lam([nat, loop, boolean], lambda _, again, x: w.app(again, x))
    end = w.app(w.c("Nat.rec", 1), motive, stop, step, w.nat(10**9), w.c("Bool.true"))
    goal, proof = w.eq(boolean, end, w.c("Bool.false")), w.refl(boolean, w.c("Bool.true"))
    unchecked(w, Theorem(name("bad"), (), goal, value=proof))
