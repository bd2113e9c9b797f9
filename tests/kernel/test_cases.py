"""Small cases in the order of a kernel's construction, each accepted or refused for its rule."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kernel_world import World, outcome

from aludel.lean_kernel.names import name
from aludel.lean_kernel.terms import Term

Case = Callable[[World], object]
CASES: list[tuple[str, str, Case]] = []


def case(expected: str = "accepted") -> Callable[[Case], Case]:
    def keep(build: Case) -> Case:
        CASES.append((build.__name__, expected, build))
        return build

    return keep


# types and levels


@case()
def definitions_and_beta(w: World) -> None:
    prop, type0 = w.sort(0), w.sort(1)
    const = w.define("const", w.arrow(type0, type0, type0), w.lam([type0, type0], lambda x, _: x))
    arrow = w.pi(prop, lambda p: p)
    w.define("basic", type0, prop)
    w.define("beta", w.app(const, prop, w.arrow(prop, prop)), arrow)
    both = w.app(const, prop, w.arrow(prop, prop))
    w.define("under", w.pi(prop, lambda _: both), w.lam(prop, lambda p: p))
    w.define("over", both, arrow)
    w.define("domain", prop, w.pi([w.app(w.c("id", 2), type0, prop), lambda p: p], lambda p, _: p))


@case("sort")
def domain_of_a_function_type_is_a_sort(w: World) -> None:
    prop = w.app(w.c("id", 2), w.sort(1), w.sort(0))
    w.define("bad", w.sort(0), w.pi([prop, lambda p: p, lambda _, h: h], lambda p, *_: p))


@case("sort")
def type_of_a_declaration_is_a_type(w: World) -> None:
    w.define("bad", w.c("True.intro"), w.sort(0))


@case()
def level_arithmetic(w: World) -> None:
    s = w.s
    u, v = w.level("u"), w.level("v")
    w.define("a", w.sort(1), w.sort(s.imax(s.one, s.zero)))
    w.define("b", w.sort(2), w.sort(s.imax(s.zero, s.one)))
    w.define("c", w.sort(1), w.sort(s.imax(u, s.zero)), ["u"])
    w.define("d", w.sort(s.succ(u)), w.sort(s.imax(u, u)), ["u"])
    w.define("e", w.sort(s.succ(s.max(v, u))), w.sort(s.max(u, v)), ["u", "v"])
    absorbed = s.max(u, s.max(u, v))
    w.define("f", w.sort(s.succ(s.max(u, v))), w.sort(absorbed), ["u", "v"])
    w.define("g", w.arrow(w.sort(0), w.sort(0)), w.lam(w.sort(0), lambda p: w.arrow(w.sort(1), p)))


@case("value_type")
def imax_is_not_its_second_part(w: World) -> None:
    s = w.s
    mixed = s.imax(w.level("u"), w.level("v"))
    down = w.arrow(w.sort(s.succ(mixed)), w.sort(mixed))
    w.define("bad", w.arrow(w.sort(s.succ(w.level("v"))), w.sort("v")),
             w.lam(w.sort(s.succ(w.level("v"))), lambda x: x), ["u", "v"])  # fmt: skip
    assert down


@case("value_type")
def level_imax_normalization(w: World) -> None:
    """`Sort (imax 0 v + 1)` is `Sort (v + 1)`, not `Sort v`."""
    s = w.s
    level = s.imax(s.zero, w.level("v"))
    type_ = w.arrow(w.sort(s.succ(level)), w.sort(level))
    w.define("down", type_, w.lam(w.sort(s.succ(level)), lambda x: x), ["v"])


@case()
def church_numbers(w: World) -> None:
    s = w.s
    sort = w.sort("u")
    pn = w.define("PN", w.sort(s.imax(s.succ(w.level("u")), w.level("u"))),
                  w.pi(sort, lambda a: w.arrow(w.arrow(a, a), a, a)), ["u"])  # fmt: skip

    def number(k: int) -> Term:
        def body(a: Term, f: Term, z: Term) -> Term:
            for _ in range(k):
                z = w.app(f, z)
            return z

        return w.lam([sort, lambda a: w.arrow(a, a), lambda a, _: a], body)

    two = w.define("two", pn, number(2), ["u"])
    four = w.define("four", pn, number(4), ["u"])
    times = w.lam([sort, lambda a: w.arrow(a, a), lambda a, _: a],
                  lambda a, f, z: w.app(two, a, w.app(two, a, f), z))  # fmt: skip
    p = w.arrow(pn, w.sort(0))
    goal = w.pi([p, lambda t: w.pi(pn, lambda n: w.app(t, n))], lambda t, _: w.app(t, four))
    value = w.lam([p, lambda t: w.pi(pn, lambda n: w.app(t, n))], lambda _, v: w.app(v, times))
    w.theorem("mul", goal, value, ["u"])


@case()
def local_definitions(w: World) -> None:
    prop, type0 = w.sort(0), w.sort(1)
    p = w.axiom("p", prop)
    dep = w.axiom("dep", w.arrow(type0, prop))
    mk = w.axiom("mk", w.pi(type0, lambda t: w.app(dep, t)))
    w.define("plain", type0, w.let(w.sort(2), type0, lambda _: prop))
    w.define("dependent", w.app(dep, prop), w.let(type0, prop, lambda x: w.app(mk, x)))
    proof = w.axiom("proof", p)
    w.define("in_type", w.let(type0, prop, lambda _: p), proof)


# inductive types


@case("sort")
def inductive_type_of_no_sort(w: World) -> None:
    w.inductive("Bad", w.c("Nat.zero"), [])


@case("sort")
def inductive_type_of_a_type_that_is_no_sort(w: World) -> None:
    w.inductive("Bad", w.axiom("aType", w.sort(1)), [])


@case("parameters")
def fewer_parameters_than_said(w: World) -> None:
    w.inductive("Bad", w.arrow(w.sort(0), w.sort(0)), [], 2)


@case("parameters")
def constructor_with_other_parameters(w: World) -> None:
    p = w.axiom("p", w.sort(0))
    w.inductive("Bad", w.arrow(w.sort(0), w.sort(1)),
                [("Bad.mk", w.arrow(w.sort(1), w.app("Bad", p)))], 1)  # fmt: skip


@case("constructor_result")
def constructor_with_swapped_parameters(w: World) -> None:
    prop = w.sort(0)
    mk = w.pi([prop, prop], lambda x, y: w.app("Bad", y, x))
    w.inductive("Bad", w.arrow(prop, prop, w.sort(1)), [("Bad.mk", mk)], 2)


@case("constructor_result")
def constructor_with_swapped_levels(w: World) -> None:
    w.inductive("Bad", w.sort(1), [("Bad.mk", w.c("Bad", "v", "u"))], 0, ["u", "v"])


@case("constructor_result")
def constructor_type_is_not_reduced(w: World) -> None:
    mk = w.app(w.c("id", 2), w.sort(1), w.c("Bad"))
    w.inductive("Bad", w.sort(1), [("Bad.mk", mk)])


@case("constructor_result")
def constructor_of_another_type_of_the_block(w: World) -> None:
    w.block([("A", w.sort(1), [("A.mk", w.c("B"))]), ("B", w.sort(1), [])])


@case()
def fields_are_reduced(w: World) -> None:
    type0 = w.sort(1)
    const = w.define("const", w.arrow(type0, type0, type0), w.lam([type0, type0], lambda x, _: x))
    mk = w.pi(
        [w.app(w.c("id", 3), w.sort(2), type0)],
        lambda a: w.arrow(w.arrow(a, w.app(const, w.app("R", a), a)), w.app("R", a)),
    )
    w.inductive("R", w.arrow(type0, type0), [("R.mk", mk)], 1)
    assert w.env.find(name("R.rec"))


@case("positivity")
def occurrences_that_would_reduce_away(w: World) -> None:
    type0 = w.sort(1)
    const = w.define("const", w.arrow(type0, type0, type0), w.lam([type0, type0], lambda x, _: x))
    a = w.axiom("A", type0)
    mk = w.arrow(w.arrow(w.app(const, a, w.c("Bad")), w.c("Bad")), w.c("Bad"))
    w.inductive("Bad", type0, [("Bad.mk", mk)])


@case("positivity")
def negative_behind_an_arrow(w: World) -> None:
    nat, bad = w.c("Nat"), w.c("Bad")
    w.inductive("Bad", w.sort(1), [("Bad.mk", w.arrow(w.arrow(nat, bad, nat), bad))])


@case("positivity")
def occurrence_in_an_index_of_a_field(w: World) -> None:
    prop, nat = w.sort(0), w.c("Nat")
    twice = lambda a: w.arrow(nat, w.app("Bad", w.app("Bad", a)))  # noqa: E731
    mk = w.pi(prop, lambda a: w.arrow(twice(a), w.app("Bad", a)))
    w.inductive("Bad", w.arrow(prop, prop), [("Bad.mk", mk)])


@case()
def any_field_in_a_proposition(w: World) -> None:
    w.inductive("P", w.sort(0), [("P.mk", w.arrow(w.sort(1), w.c("P")))])


@case("field_universe")
def field_too_large_under_imax(w: World) -> None:
    """`Sort (imax (u+1) v)` may be `Prop` or not; where not, the field has to fit."""
    s = w.s
    level = s.imax(s.succ(w.level("u")), w.level("v"))
    w.inductive(
        "B", w.sort(level), [("B.mk", w.arrow(w.sort("u"), w.c("B", "u", "v")))], 0, ["u", "v"]
    )


@case("block_universe")
def every_type_of_a_block_counts(w: World) -> None:
    """`Prop` first does not excuse the second type's field."""
    w.block([
        ("P", w.sort(0), [("P.mk", w.c("P"))]),
        ("Q", w.sort(1), [("Q.mk", w.arrow(w.sort(1), w.c("Q")))]),
    ])  # fmt: skip


# recursors


@case()
def recursor_types(w: World) -> None:
    nat, sort = w.c("Nat"), w.sort("u")
    motive = w.arrow(nat, sort)
    succ = lambda m: w.pi([nat, lambda n: w.app(m, n)], lambda n, _: w.app(m, w.app("Nat.succ", n)))  # noqa: E731
    w.define(
        "natRec",
        w.pi([motive, lambda m: w.app(m, w.c("Nat.zero")), lambda m, _: succ(m), nat],
             lambda m, _, __, n: w.app(m, n)),
        w.c("Nat.rec", "u"),
        ["u"],
    )  # fmt: skip
    false = w.c("False")
    w.define("falseRec", w.pi([w.arrow(false, sort), false], lambda m, x: w.app(m, x)),
             w.c("False.rec", "u"), ["u"])  # fmt: skip


@case()
def data_known_from_the_type_may_be_eliminated(w: World) -> None:
    nat = w.c("Nat")
    w.inductive("I", w.arrow(nat, w.sort(0)), [("I.mk", w.pi(nat, lambda n: w.app("I", n)))])
    w.define("large", w.sort(2), w.pi(nat, lambda n: w.arrow(w.app("I", n), w.sort(1))))
    assert len(w.env.get(name("I.rec")).params) == 1


@case("level_count")
def data_hidden_behind_a_function_may_not(w: World) -> None:
    nat = w.c("Nat")
    mk = w.pi(nat, lambda n: w.app("I", w.app("Nat.succ", n)))
    w.inductive("I", w.arrow(nat, w.sort(0)), [("I.mk", mk)])
    w.define("bad", w.sort(1), w.app(w.c("id", 2), w.sort(1), w.sort(0)))
    w.axiom("x", w.app(w.c("I.rec", 1), w.c("Nat")))


@case("level_count")
def a_sort_that_may_be_prop_eliminates_as_one(w: World) -> None:
    w.inductive(
        "Two", w.sort("u"), [("Two.a", w.c("Two", "u")), ("Two.b", w.c("Two", "u"))], 0, ["u"]
    )
    w.axiom("x", w.app(w.c("Two.rec", 1, 0), w.c("Nat")))


@case()
def recursion_computes(w: World) -> None:
    nat = w.c("Nat")
    one, step = w.nat(1), w.lam([nat, nat], lambda _, ih: w.app("Nat.succ", w.app("Nat.succ", ih)))
    double = w.lam(
        nat, lambda n: w.app(w.c("Nat.rec", 1), w.lam(nat, lambda _: nat), w.nat(0), step, n)
    )
    f = w.define("double", w.arrow(nat, nat), double)
    w.theorem("six", w.eq(nat, w.app(f, w.nat(3)), w.nat(6)), w.refl(nat, w.nat(6)))
    eqn = w.pi(nat, lambda n: w.eq(nat, w.app(f, w.app("Nat.succ", n)),
                                   w.app("Nat.succ", w.app("Nat.succ", w.app(f, n)))))  # fmt: skip
    w.theorem("eqn", eqn, w.lam(nat, lambda n: w.refl(nat, w.app(f, w.app("Nat.succ", n)))))
    assert one


def _acc(w: World) -> None:
    sort = w.sort("u")
    rel = lambda a: w.arrow(a, a, w.sort(0))  # noqa: E731
    acc = w.c("Acc", "u")
    intro = w.pi(
        [sort, rel, lambda a, r: a,
         lambda a, r, x: w.pi(a, lambda y: w.arrow(w.app(r, y, x), w.app(acc, a, r, y)))],
        lambda a, r, x, _: w.app(acc, a, r, x),
    )  # fmt: skip
    type_ = w.pi([sort, rel], lambda a, _: w.arrow(a, w.sort(0)))
    w.inductive("Acc", type_, [("Acc.intro", intro)], 2, ["u"])


def _acc_rec(w: World, r: Term, x: Term, h: Term, a: Term) -> Term:
    nat, boolean = w.c("Nat"), w.c("Bool")
    acc = lambda y: w.app(w.c("Acc", 1), nat, r, y)  # noqa: E731
    motive = w.lam([nat, acc], lambda *_: boolean)
    below = lambda y: w.pi(nat, lambda z: w.arrow(w.app(r, z, y), acc(z)))  # noqa: E731
    again = lambda y, _: w.pi(nat, lambda z: w.arrow(w.app(r, z, y), boolean))  # noqa: E731
    minor = w.lam([nat, below, again], lambda *_: a)
    return w.app(w.c("Acc.rec", 1, 1), nat, r, motive, minor, x, h)


def _acc_case(w: World, major: Callable[[Term, Term, Term], Term], given: list[object]) -> None:
    boolean = w.c("Bool")
    goal = w.pi(given, lambda r, x, h, a: w.eq(boolean, _acc_rec(w, r, x, major(r, x, h), a), a))
    w.theorem("t", goal, w.lam(given, lambda r, x, h, a: w.refl(boolean, a)))


@case()
def acc_rec_on_intro(w: World) -> None:
    _acc(w)
    nat = w.c("Nat")
    acc = lambda r, y: w.app(w.c("Acc", 1), nat, r, y)  # noqa: E731
    below = lambda r, x: w.pi(nat, lambda z: w.arrow(w.app(r, z, x), acc(r, z)))  # noqa: E731
    _acc_case(w, lambda r, x, h: w.app(w.c("Acc.intro", 1), nat, r, x, h),
              [w.arrow(nat, nat, w.sort(0)), nat, below, w.c("Bool")])  # fmt: skip


@case("value_type")
def acc_rec_on_a_variable(w: World) -> None:
    _acc(w)
    nat = w.c("Nat")
    acc = lambda r, y: w.app(w.c("Acc", 1), nat, r, y)  # noqa: E731
    _acc_case(w, lambda r, x, h: h, [w.arrow(nat, nat, w.sort(0)), nat, acc, w.c("Bool")])


# projections


def _structure_in_prop(w: World) -> None:
    unit, data = w.c("PUnit", 0), w.c("PUnit", 1)
    mk = w.pi([unit, data, unit, data, lambda *x: w.eq(data, x[3], x[3]), unit],
              lambda *_: w.c("S"))  # fmt: skip
    w.inductive("S", w.sort(0), [("S.mk", mk)])


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (0, "accepted"),
        (1, "prop_projection"),
        (2, "accepted"),
        (3, "prop_projection"),
        (4, "prop_projection"),
        (5, "prop_projection"),
        (6, "projection"),
        (1 << 32, "projection"),
    ],
)
def test_projection_out_of_a_proposition(field: int, expected: str) -> None:
    def build(w: World) -> None:
        _structure_in_prop(w)
        result = w.c("PUnit", 0)
        value = w.lam(w.c("S"), lambda x: w.s.proj(name("S"), field, x))
        w.define("p", w.arrow(w.c("S"), result), value)

    w = World().logic()
    assert outcome(lambda: build(w)) == expected


@case()
def projections_reduce(w: World) -> None:
    nat = w.c("Nat")
    pair = w.app(w.c("Prod.mk", 0, 0), nat, nat, w.nat(1), w.nat(2))
    second = w.s.proj(name("Prod"), 1, pair)
    w.theorem("t", w.eq(nat, second, w.nat(2)), w.refl(nat, w.nat(2)))


@case("projection")
def projection_of_no_structure(w: World) -> None:
    nat = w.c("Nat")
    w.define("bad", w.arrow(nat, nat), w.lam(nat, lambda x: w.s.proj(name("Nat"), 0, x)))


# equality


@case()
def proofs_are_equal(w: World) -> None:
    props = [w.sort(0), lambda p: p, lambda p, _: p]
    w.theorem("a", w.pi(props, lambda p, x, y: w.eq(p, x, y, 0)),
              w.lam(props, lambda p, x, _: w.refl(p, x, 0)))  # fmt: skip
    hidden = [w.app(w.c("id", 2), w.sort(1), w.sort(0)), lambda p: p, lambda p, _: p]
    w.theorem("b", w.pi(hidden, lambda p, x, y: w.eq(p, x, y, 0)),
              w.lam(hidden, lambda p, x, _: w.refl(p, x, 0)))  # fmt: skip


@case("value_type")
def data_are_not(w: World) -> None:
    given = [w.sort(1), lambda p: p, lambda p, _: p]
    w.theorem("a", w.pi(given, lambda p, x, y: w.eq(p, x, y)),
              w.lam(given, lambda p, x, _: w.refl(p, x)))  # fmt: skip


@case()
def units_and_pairs(w: World) -> None:
    unit = w.c("PUnit", "u")
    w.theorem("unit", w.pi([unit, unit], lambda x, y: w.eq(unit, x, y, "u")),
              w.lam([unit, unit], lambda x, _: w.refl(unit, x, "u")), ["u"])  # fmt: skip
    nat = w.c("Nat")
    pair = w.app(w.c("Prod", 0, 0), nat, nat)
    parts = lambda x: [w.s.proj(name("Prod"), i, x) for i in (0, 1)]  # noqa: E731
    made = lambda x: w.app(w.c("Prod.mk", 0, 0), nat, nat, *parts(x))  # noqa: E731
    w.theorem("eta", w.pi(pair, lambda x: w.eq(pair, x, made(x))),
              w.lam(pair, lambda x: w.refl(pair, x)))  # fmt: skip
    w.theorem("eta2", w.pi(pair, lambda x: w.eq(pair, made(x), x)),
              w.lam(pair, lambda x: w.refl(pair, x)))  # fmt: skip


@case()
def structure_eta_in_recursors(w: World) -> None:
    unit, boolean, true = w.c("PUnit", 1), w.c("Bool"), w.c("Bool.true")
    rec = lambda x: w.app(w.c("PUnit.rec", 1, 1), w.lam(unit, lambda _: boolean), true, x)  # noqa: E731
    w.theorem("t", w.pi(unit, lambda x: w.eq(boolean, rec(x), true)),
              w.lam(unit, lambda _: w.refl(boolean, true)))  # fmt: skip


@case()
def functions_eta(w: World) -> None:
    nat = w.c("Nat")
    fn = w.arrow(nat, nat)
    expanded = lambda f: w.lam(nat, lambda x: w.app(f, x))  # noqa: E731
    proof = w.lam(fn, lambda f: w.refl(fn, f))
    w.theorem("left", w.pi(fn, lambda f: w.eq(fn, expanded(f), f)), proof)
    w.theorem("right", w.pi(fn, lambda f: w.eq(fn, f, expanded(f))), proof)


@case("value_type")
def eta_looks_at_the_body(w: World) -> None:
    nat = w.c("Nat")
    fn = w.arrow(nat, nat)
    goal = w.pi([fn, fn], lambda g, f: w.eq(fn, w.lam(nat, lambda x: w.app(f, w.app(g, x))), f))
    w.theorem("bad", goal, w.lam([fn, fn], lambda _, f: w.refl(fn, f)))


@case("value_type")
def an_unsaturated_constructor_is_not_expanded(w: World) -> None:
    true, box = w.c("True"), w.c("Box")
    w.inductive("Box", w.sort(1), [("Box.mk", w.arrow(w.c("Bool"), true, box))])
    fn = w.arrow(true, box)
    part = lambda x: w.app("Box.mk", w.s.proj(name("Box"), 0, w.app(x, w.c("True.intro"))))  # noqa: E731
    w.theorem("bad", w.pi(fn, lambda x: w.eq(fn, part(x), x)), w.lam(fn, lambda x: w.refl(fn, x)))


# numbers, texts, quotients


@case()
def literals(w: World) -> None:
    nat = w.c("Nat")
    three = w.app("Nat.succ", w.app("Nat.succ", w.app("Nat.succ", w.c("Nat.zero"))))
    w.theorem("t", w.eq(nat, w.nat(3), three), w.refl(nat, w.nat(3)))
    large = w.nat(10**40)
    w.theorem(
        "u", w.eq(nat, w.app("Nat.succ", large), w.nat(10**40 + 1)), w.refl(nat, w.nat(10**40 + 1))
    )


@case("value_type")
def different_literals(w: World) -> None:
    nat = w.c("Nat")
    w.theorem("t", w.eq(nat, w.nat(10**40), w.nat(10**40 + 1)), w.refl(nat, w.nat(10**40)))


def test_literals_need_the_natural_numbers() -> None:
    def build() -> None:
        w = World()
        nat = w.c("Nat")
        succ = ("Nat.succ", w.arrow(nat, nat))
        w.inductive("Nat", w.sort(1), [succ, ("Nat.zero", nat)])
        w.define("bad", nat, w.nat(1))

    assert outcome(build) == "literal"


def test_a_text_needs_a_type_made_of_characters() -> None:
    def build(w: World, string: bool) -> None:
        nat, char = w.c("Nat"), w.c("Char")
        w.inductive("Char", w.sort(1), [("Char.mk", w.arrow(nat, char))])
        w.define("Char.ofNat", w.arrow(nat, char), w.c("Char.mk"))
        of = w.c("List", 0) if string else w.c("Nat")
        mk = w.arrow(w.app(of, char) if string else of, w.c("String"))
        w.inductive("String", w.sort(1), [("String.mk", mk)])
        text = w.s.text("a\x00\U0001d539")
        items = w.app(w.c("List.nil", 0), char)
        for c in reversed("a\x00\U0001d539"):
            items = w.app(w.c("List.cons", 0), char, w.app("Char.ofNat", w.nat(ord(c))), items)
        made = w.app("String.mk", items)
        w.theorem("t", w.eq(w.c("String"), text, made), w.refl(w.c("String"), text))

    good, bad = World().logic().lists(), World().logic().lists()
    assert outcome(lambda: build(good, True)) == "accepted"
    assert outcome(lambda: build(bad, False)) == "literal"


def test_characters_of_a_text_have_the_type_of_characters() -> None:
    """`Char.ofNat` that makes something else would put a `Box` where a proof of `False` stands."""

    def build(w: World) -> None:
        nat, char, box = w.c("Nat"), w.c("Char"), w.c("Box")
        w.inductive("Char", w.sort(1), [("Char.mk", w.arrow(w.c("False"), char))])
        w.inductive("Box", w.sort(1), [("Box.mk", w.arrow(w.c("True"), box))])
        made = w.lam(nat, lambda _: w.app("Box.mk", w.c("True.intro")))
        w.define("Char.ofNat", w.arrow(nat, box), made)
        chars = w.app(w.c("List", 0), char)
        w.inductive("String", w.sort(1), [("String.ofList", w.arrow(chars, w.c("String")))])
        text = w.s.proj(name("String"), 0, w.s.text("\x02"))
        w.theorem("t", w.eq(chars, text, text), w.refl(chars, text))

    w = World().logic().lists()
    assert outcome(lambda: build(w)) == "literal"


@case()
def quotients_reduce(w: World) -> None:
    w.quotients()
    sort, nat = w.sort("u"), w.c("Nat")
    rel = lambda a: w.arrow(a, a, w.sort(0))  # noqa: E731
    quot = w.c("Quot", "u")
    w.define("mk", w.pi([sort, rel, lambda a, _: a], lambda a, r, _: w.app(quot, a, r)),
             w.c("Quot.mk", "u"), ["u"])  # fmt: skip
    r = w.axiom("r", w.arrow(nat, nat, w.sort(0)))
    f = w.axiom("f", w.arrow(nat, nat))
    resp = w.pi(
        [nat, nat], lambda a, b: w.arrow(w.app(r, a, b), w.eq(nat, w.app(f, a), w.app(f, b)))
    )
    h = w.axiom("h", resp)
    made = w.app(w.c("Quot.mk", 1), nat, r, w.nat(5))
    lifted = w.app(w.c("Quot.lift", 1, 1), nat, r, nat, f, h, made)
    w.theorem("t", w.eq(nat, lifted, w.app(f, w.nat(5))), w.refl(nat, w.app(f, w.nat(5))))


@case("quotient")
def quotients_need_equality(w: World) -> None:
    other = World()
    other.quotients()


@case("function")
def too_many_arguments(w: World) -> None:
    w.define("bad", w.c("True"), w.app(w.c("True.intro"), w.c("True.intro")))


@case("unknown_constant")
def constants_are_declared(w: World) -> None:
    w.define("bad", w.c("True"), w.c("nothing"))


@case("out_of_budget")
def a_power_that_nobody_can_write(w: World) -> None:
    nat = w.c("Nat")
    rec = lambda zero, step, y: w.app(w.c("Nat.rec", 1), w.lam(nat, lambda _: nat), zero, step, y)  # noqa: E731
    fn = w.arrow(nat, nat, nat)
    w.define("Nat.add", fn, w.lam([nat, nat], lambda x, y: rec(
        x, w.lam([nat, nat], lambda _, ih: w.app("Nat.succ", ih)), y)))  # fmt: skip
    w.define("Nat.mul", fn, w.lam([nat, nat], lambda x, y: rec(
        w.nat(0), w.lam([nat, nat], lambda _, ih: w.app("Nat.add", ih, x)), y)))  # fmt: skip
    w.define("Nat.pow", fn, w.lam([nat, nat], lambda x, y: rec(
        w.nat(1), w.lam([nat, nat], lambda _, ih: w.app("Nat.mul", ih, x)), y)))  # fmt: skip
    small = w.app("Nat.pow", w.nat(2), w.nat(100))
    w.theorem("t", w.eq(nat, small, w.nat(2**100)), w.refl(nat, small))
    power = w.app("Nat.pow", w.nat(7), w.nat(10**7))
    w.theorem("u", w.eq(nat, power, w.nat(1)), w.refl(nat, w.nat(1)))


@pytest.mark.parametrize(("title", "expected", "build"), CASES, ids=[c[0] for c in CASES])
def test_case(title: str, expected: str, build: Case) -> None:
    w = World().logic()
    assert outcome(lambda: build(w)) == expected, title
