"""A challenge over Lean's quotients, and solutions that have others under their names."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from kernel_world import World
from test_compare_cases import lines, rule

from aludel.lean_kernel.compare import Comparison, compare
from aludel.lean_kernel.environment import Axiom, Definition, Opaque, Quotient
from aludel.lean_kernel.names import name
from aludel.lean_kernel.quotient import ROLES, quotient_types
from aludel.lean_kernel.terms import Term

Step = Callable[[World], object]


def relation(w: World) -> Term:
    """Any two numbers are related."""
    nat = w.c("Nat")
    return w.lam([nat, nat], lambda *_: w.c("True"))


def classes(w: World) -> Term:
    return w.app(w.c("Quot", 1), w.c("Nat"), relation(w))


def class_of(w: World, n: int) -> Term:
    return w.app(w.c("Quot.mk", 1), w.c("Nat"), relation(w), w.nat(n))


def sound(w: World) -> None:
    """The library's axiom, of whatever `Quot` there is."""
    sort, u = w.sort("u"), w.c
    rel = lambda a: w.arrow(a, a, w.sort(0))  # noqa: E731
    doms = [sort, rel, lambda a, _: a, lambda a, *_: a, lambda a, r, x, y: w.app(r, x, y)]

    def same(a: Term, r: Term, x: Term, y: Term, _h: Term) -> Term:
        mk = lambda v: w.app(u("Quot.mk", "u"), a, r, v)  # noqa: E731
        return w.app(u("Eq", "u"), w.app(u("Quot", "u"), a, r), mk(x), mk(y))

    w.axiom("Quot.sound", w.pi(doms, same), ["u"])


def goal(w: World) -> Term:
    return w.app(w.c("Eq", 1), classes(w), class_of(w, 1), class_of(w, 2))


def by_sound(w: World) -> Term:
    nat = w.c("Nat")
    return w.app(
        w.c("Quot.sound", 1), nat, relation(w), w.nat(1), w.nat(2), w.c("True.intro")
    )  # fmt: skip


def challenge() -> World:
    w = World().logic().quotients()
    w.axiom("sorryAx", w.pi(w.sort(0), lambda p: p))
    w.theorem("t", goal(w), w.app("sorryAx", goal(w)))
    w.theorem("plain", w.c("True"), w.app("sorryAx", w.c("True")))
    return w


STATED = lines(challenge())


def compared(w: World, theorem: str = "t") -> Comparison:
    return compare(STATED, lines(w), [name(theorem)])


def as_units(w: World) -> None:
    """Every class is the same one: all that is said of classes is proved by `rfl`."""
    type_, mk = (quotient_types(w.s)[role] for role in ("type", "ctor"))
    doms = [w.sort("u"), lambda a: w.arrow(a, a, w.sort(0))]
    unit = w.lam(doms, lambda *_: w.c("PUnit", "u"))
    w.add(Definition(ROLES["type"], *type_, value=unit))
    made = w.lam([*doms, lambda a, _: a], lambda *_: w.c("PUnit.unit", "u"))
    w.add(Definition(ROLES["ctor"], *mk, value=made))
    w.theorem("t", goal(w), w.refl(classes(w), class_of(w, 1)))


def as_axioms(w: World) -> None:
    for role, n in ROLES.items():
        params, type_ = quotient_types(w.s)[role]
        w.axiom(".".join(map(str, n)), type_, [str(p[0]) for p in params])
    sound(w)
    w.theorem("t", goal(w), by_sound(w))


def as_opaque(w: World) -> None:
    params, type_ = quotient_types(w.s)["type"]
    doms = [w.sort("u"), lambda a: w.arrow(a, a, w.sort(0))]
    w.add(Opaque(ROLES["type"], params, type_, value=w.lam(doms, lambda a, _: a)))
    params, type_ = quotient_types(w.s)["ctor"]
    w.add(Axiom(ROLES["ctor"], params, type_))
    sound(w)
    w.theorem("t", goal(w), by_sound(w))


def without_lift(w: World) -> None:
    """The library's type and classes, and a `lift` that asks for no respect."""
    for role in ("type", "ctor", "ind"):
        w.add(Quotient(ROLES[role], *quotient_types(w.s)[role], role=role))
    nat, rel = w.c("Nat"), relation(w)
    w.axiom("Quot.lift", w.arrow(w.arrow(nat, nat), w.app(w.c("Quot", 1), nat, rel), nat))
    sound(w)
    w.theorem("t", goal(w), by_sound(w))


def lifted_by_an_axiom(w: World) -> None:
    for role in ("type", "ctor"):
        w.add(Quotient(ROLES[role], *quotient_types(w.s)[role], role=role))
    w.axiom("Quot.lift", w.c("False"))
    false = w.c("False")
    w.theorem("plain", w.c("True"), w.app(w.c("False.rec", 0), w.lam(false, lambda _: w.c("True")),
                                          w.c("Quot.lift")))  # fmt: skip


OWN: dict[str, tuple[Step, str, str, str]] = {
    # how, theorem, rule, what the message says
    "definitions": (as_units, "t", "closure", "rests on Quot"),
    "axioms": (as_axioms, "t", "closure", "in the solution an axiom"),
    "an opaque type": (as_opaque, "t", "closure", "rests on Quot"),
    "a lift without respect": (without_lift, "t", "axiom", "Quot.sound"),
    "a lift of False": (lifted_by_an_axiom, "plain", "axiom", "Quot.lift is not allowed"),
}


@pytest.mark.parametrize(("build", "theorem", "expected", "says"), OWN.values(), ids=OWN)
def test_quotients_of_ones_own_are_refused(
    build: Step, theorem: str, expected: str, says: str
) -> None:
    w = World().logic()
    build(w)
    found = compared(w, theorem)
    assert (rule(found), found.outcome.exit_code) == (expected, 1), found
    assert says in found.outcome.message


def forged(change: Callable[[dict[str, Any]], object]) -> list[str]:
    """A right solution in which `Quot.lift` is declared otherwise."""
    w = World().logic().quotients()
    sound(w)
    w.theorem("t", goal(w), by_sound(w))
    made = [json.loads(line) for line in lines(w)]
    lift = next(e["quot"] for e in made if e.get("quot", {}).get("kind") == "lift")
    change(lift)
    return [json.dumps(entry) for entry in made]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda lift: lift.update(type=0), "quotient"),
        (lambda lift: lift.update(kind="ind"), "quotient"),
        (lambda lift: lift.update(kind="type"), "quotient"),
        (lambda lift: lift.update(levelParams=lift["levelParams"][:1]), "quotient"),
    ],
)
def test_forged_primitives_are_refused(
    change: Callable[[dict[str, Any]], object], expected: str
) -> None:
    found = compare(STATED, forged(change), [name("t")])
    assert (rule(found), found.failed) == (expected, "solution"), found


def test_quotients_of_the_library_are_the_same() -> None:
    w = World().logic().quotients()
    sound(w)
    w.theorem("t", goal(w), by_sound(w))
    found = compared(w)
    assert (rule(found), found.outcome.axioms) == ("accepted", ()), found
    assert found.theorems[0][1].axioms == (name("Quot.sound"),)
