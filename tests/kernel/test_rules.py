"""Each rule switched off alone lets a case through that the rule refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from kernel_world import World, outcome

from aludel.lean_kernel.environment import Axiom, Definition, Quotient, Recursor, Theorem
from aludel.lean_kernel.names import name
from aludel.lean_kernel.quotient import quotient_types
from aludel.lean_kernel.terms import Term

Case = Callable[[World], object]
CASES: dict[str, tuple[str, Case]] = {}


def case(switch: str, rule: str = "") -> Callable[[Case], Case]:
    def keep(build: Case) -> Case:
        assert switch not in CASES
        CASES[switch] = (rule or switch, build)
        return build

    return keep


@case("value_type")
def _(w: World) -> None:
    w.theorem("bad", w.c("False"), w.c("True.intro"))


@case("argument_type")
def _(w: World) -> None:
    w.define("bad", w.c("False"), w.app(w.c("id", 0), w.c("False"), w.c("True.intro")))


@case("let_type")
def _(w: World) -> None:
    false = w.c("False")
    w.define("bad", w.sort(0), w.let(false, w.c("True.intro"), lambda _: w.c("True")))


@case("theorem_prop")
def _(w: World) -> None:
    w.theorem("bad", w.c("Nat"), w.c("Nat.zero"))


@case("level_count")
def _(w: World) -> None:
    w.axiom("P", w.sort(0))
    w.axiom("p", w.c("P"), ["u"])
    w.theorem("bad", w.c("P"), w.c("p"))


@case("unique_params")
def _(w: World) -> None:
    w.define("bad", w.sort(1), w.sort(0), ["u", "u"])


@case("level_params")
def _(w: World) -> None:
    w.define("bad", w.sort(w.s.succ(w.level("u"))), w.sort("u"))


@case("closed")
def _(w: World) -> None:
    w.add(Theorem(name("bad"), (), w.c("False"), value=w.s.free_variable(0, w.c("False"))))


@case("unsafe")
def _(w: World) -> None:
    w.add(Axiom(name("u"), (), w.c("False"), unsafe=True))
    w.theorem("bad", w.c("False"), w.c("u"))


@case("name_taken")
def _(w: World) -> None:
    w.axiom("p", w.sort(0))
    w.axiom("p", w.sort(1))


def _proposition_with_data(w: World, sort: Term) -> None:
    w.inductive("Box", sort, [("Box.mk", w.arrow(w.c("Nat"), w.c("Box")))])
    value = w.lam(w.c("Box"), lambda x: w.s.proj(name("Box"), 0, x))
    w.define("bad", w.arrow(w.c("Box"), w.c("Nat")), value)


@case("prop_projection")
def _(w: World) -> None:
    _proposition_with_data(w, w.sort(0))


@case("semantic_zero", "prop_projection")
def _(w: World) -> None:
    s = w.s
    _proposition_with_data(w, w.sort(s.imax(s.max(s.one, s.zero), s.max(s.zero, s.zero))))


@case("projection_name", "projection")
def _(w: World) -> None:
    nat = w.c("Nat")
    for n in ("A", "B"):
        w.inductive(n, w.sort(1), [(f"{n}.mk", w.arrow(nat, w.c(n)))])
    value = w.lam(w.c("A"), lambda x: w.s.proj(name("B"), 0, x))
    w.define("bad", w.arrow(w.c("A"), nat), value)


@case("opaque", "value_type")
def _(w: World) -> None:
    nat = w.c("Nat")
    hidden = w.opaque("hidden", nat, w.c("Nat.zero"))
    w.theorem("bad", w.eq(nat, hidden, w.c("Nat.zero")), w.refl(nat, w.c("Nat.zero")))


def _cast(w: World, b: Term, a: Term, h: Term) -> Term:
    """`Eq.rec (motive := fun _ _ => Bool) a h` for `h : true = b`."""
    boolean, true = w.c("Bool"), w.c("Bool.true")
    motive = w.lam([boolean, lambda x: w.eq(boolean, true, x)], lambda _, __: boolean)
    return w.app(w.c("Eq.rec", 1, 1), boolean, true, motive, a, b, h)


@case("k_type", "value_type")
def _(w: World) -> None:
    boolean, true, false = w.c("Bool"), w.c("Bool.true"), w.c("Bool.false")
    given = [w.eq(boolean, true, false), boolean]
    goal = w.pi(given, lambda h, a: w.eq(boolean, _cast(w, false, a, h), a))
    w.theorem("bad", goal, w.lam(given, lambda _, a: w.refl(boolean, a)))


@case("levels_equal", "value_type")
def _(w: World) -> None:
    w.define("bad", w.sort(w.s.succ(w.level("u"))), w.sort("v"), ["u", "v"])


@case("structure_eta", "value_type")
def _(w: World) -> None:
    r = w.c("R")
    w.inductive("R", w.sort(1), [("R.mk", w.arrow(r, r))])
    goal = w.pi(r, lambda x: w.eq(r, x, w.app("R.mk", w.s.proj(name("R"), 0, x))))
    w.theorem("bad", goal, w.lam(r, lambda x: w.refl(r, x)))


@case("unit_like", "value_type")
def _(w: World) -> None:
    box = w.c("Box")
    w.inductive("Box", w.sort(1), [("Box.mk", w.arrow(w.c("Nat"), box))])
    goal = w.pi([box, box], lambda x, y: w.eq(box, x, y))
    w.theorem("bad", goal, w.lam([box, box], lambda x, _: w.refl(box, x)))


@case("index_occurrence", "constructor_result")
def _(w: World) -> None:
    prop, n = w.sort(0), w.c("I")
    p = w.axiom("p", prop)
    w.inductive("I", w.arrow(prop, prop), [("I.mk", w.app(n, w.app(n, p)))])


@case("field_universe")
def _(w: World) -> None:
    w.inductive("Big", w.sort(1), [("Big.mk", w.arrow(w.sort(1), w.c("Big")))])


@case("positivity")
def _(w: World) -> None:
    n = w.c("Negative")
    w.inductive("Negative", w.sort(1), [("Negative.mk", w.arrow(w.arrow(n, n), n))])


@case("block_universe")
def _(w: World) -> None:
    small, large = w.c("Small"), w.c("Large")
    w.block(
        [
            ("Large", w.sort(2), [("Large.mk", large)]),
            ("Small", w.sort(1), [("Small.mk", w.arrow(w.c("Nat"), small))]),
        ]
    )


@case("large_elimination", "level_count")
def _(w: World) -> None:
    two = w.c("Two")
    w.inductive("Two", w.sort(0), [("Two.a", two), ("Two.b", two)])
    motive = w.lam(two, lambda _: w.sort(0))
    tell = w.app(w.c("Two.rec", 1), motive, w.c("False"), w.c("True"))
    w.define("bad", w.arrow(two, w.sort(0)), tell)


@case("claims", "claim")
def _(w: World) -> None:
    """`Color.rec` is sent as a target of K."""
    color = w.c("Color")
    types = [("Color", w.sort(1), [("Color.r", color), ("Color.b", color)])]
    other = World().logic()
    other.block(
        [("Color", other.sort(1), [("Color.r", other.c("Color")), ("Color.b", other.c("Color"))])]
    )
    rec = other.env.get(name("Color.rec"))
    assert isinstance(rec, Recursor)
    w.block(types, claims=(replace(rec, k=True),))


@case("quotient_type", "quotient")
def _(w: World) -> None:
    params, type_ = quotient_types(w.s)["type"]
    w.add(Quotient(name("Quot"), params, w.s.pi(w.sort(0), type_), role="type"))


def _nested(w: World, at: Callable[[Term], Term]) -> None:
    """`L α b` does not use `b`; `E` is nested in it."""
    type1, boolean = w.sort(1), w.c("Bool")
    nil = w.pi([type1, boolean], lambda a, b: w.app("L", a, b))
    w.inductive("L", w.arrow(type1, boolean, type1), [("L.nil", nil)], 2)
    w.inductive("E", type1, [("E.mk", w.arrow(at(w.c("E")), w.c("E")))])


@case("nested_params", "argument_type")
def _(w: World) -> None:
    _nested(w, lambda e: w.app("L", e, w.c("Nat.zero")))


@case("nested_uniform")
def _(w: World) -> None:
    type1, boolean = w.sort(1), w.c("Bool")
    w.inductive("L", w.arrow(type1, type1), [("L.nil", w.pi(type1, lambda a: w.app("L", a)))], 1)
    nested = w.app("L", w.app("E", w.c("Bool.true")))
    mk = w.pi(boolean, lambda b: w.arrow(nested, w.app("E", b)))
    w.inductive("E", w.arrow(boolean, type1), [("E.mk", mk)], 1)


@case("nat_equations", "value_type")
def _(w: World) -> None:
    nat = w.c("Nat")
    w.define("Nat.add", w.arrow(nat, nat, nat), w.lam([nat, nat], lambda x, _: x))
    sum_ = w.app("Nat.add", w.nat(1), w.nat(1))
    w.theorem("bad", w.eq(nat, sum_, w.nat(2)), w.refl(nat, w.nat(2)))


def run(build: Case, *off: str) -> str:
    w = World(*off).logic()
    return outcome(lambda: build(w))


@pytest.mark.parametrize("switch", sorted(CASES))
def test_rule_bites(switch: str) -> None:
    rule, build = CASES[switch]
    assert run(build) == rule
    assert run(build, switch) == "accepted"


def test_there_are_enough() -> None:
    assert len(CASES) >= 15


def test_honest_neighbours_are_accepted() -> None:
    """The same shapes without the flaw."""
    w = World().logic()
    nat, boolean, true = w.c("Nat"), w.c("Bool"), w.c("Bool.true")
    w.theorem("good", w.c("True"), w.c("True.intro"))
    given = [w.eq(boolean, true, true), boolean]
    goal = w.pi(given, lambda h, a: w.eq(boolean, _cast(w, true, a, h), a))
    w.theorem("k", goal, w.lam(given, lambda _, a: w.refl(boolean, a)))
    _nested(w, lambda e: w.app("L", e, true))
    add = w.lam(
        [nat, nat],
        lambda x, y: w.app(
            w.c("Nat.rec", 1),
            w.lam(nat, lambda _: nat),
            x,
            w.lam([nat, nat], lambda _, ih: w.app("Nat.succ", ih)),
            y,
        ),
    )
    w.define("Nat.add", w.arrow(nat, nat, nat), add)
    large = 10**30
    sum_ = w.app("Nat.add", w.nat(large), w.nat(large))
    w.theorem("sum", w.eq(nat, sum_, w.nat(2 * large)), w.refl(nat, w.nat(2 * large)))
    assert isinstance(w.env.get(name("Nat.add")), Definition)
