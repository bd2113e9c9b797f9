"""Attacks on this kernel, made with its source at hand."""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from kernel_library import write_world
from kernel_world import World, outcome

from aludel.lean_kernel.api import check_export, check_proof
from aludel.lean_kernel.budget import Budget, run_deep
from aludel.lean_kernel.environment import (
    Axiom,
    Constructor,
    Definition,
    Quotient,
    Recursor,
    Theorem,
)
from aludel.lean_kernel.errors import Declined, Malformed, OutOfBudget
from aludel.lean_kernel.levels import LevelTable
from aludel.lean_kernel.names import name
from aludel.lean_kernel.question import ask
from aludel.lean_kernel.quotient import ROLES, quotient_types
from aludel.lean_kernel.store import Store
from aludel.lean_kernel.strict_json import parse_json
from aludel.lean_kernel.tables import read_tables, write_tables
from aludel.lean_kernel.terms import Term
from aludel.lean_kernel.writer import write_export


def test_a_quotient_of_ones_own() -> None:
    """With `Quot r := PUnit`, all `Quot.mk r a` are equal and `lift` would tell them apart."""

    def build(w: World) -> None:
        params, type_ = quotient_types(w.s)["type"]
        value = w.lam(
            [w.sort("u"), lambda a: w.arrow(a, a, w.sort(0))], lambda *_: w.c("PUnit", "u")
        )
        w.add(Definition(ROLES["type"], params, type_, value=value))
        for role in ("ctor", "lift"):
            params, type_ = quotient_types(w.s)[role]
            w.add(Quotient(ROLES[role], params, type_, role=role))

    w = World().logic()
    assert outcome(lambda: build(w)) == "quotient"


def test_equality_of_ones_own_has_no_quotients() -> None:
    def build(w: World) -> None:
        sort = w.sort("u")
        type_ = w.pi(sort, lambda a: w.arrow(a, a, w.sort(0)))
        every = w.pi(
            [sort, lambda a: a, lambda a, _: a], lambda a, x, y: w.app(w.c("Eq", "u"), a, x, y)
        )
        w.inductive("Eq", type_, [("Eq.refl", every)], 3, ["u"])
        w.quotients()

    assert outcome(lambda: build(World())) == "quotient"


def test_constants_named_true_at_other_levels() -> None:
    """`Bool.true.{0}` and `Bool.true.{1}` are two constants where `Bool.true` has a parameter."""

    def build(w: World) -> None:
        prop = w.sort(0)
        w.axiom("Bool.true", prop, ["u"])
        q = w.axiom("q", w.arrow(prop, prop))
        h = w.axiom("h", w.app(q, w.c("Bool.true", 0)))
        w.theorem("bad", w.app(q, w.c("Bool.true", 1)), h)

    assert outcome(lambda: build(World())) == "value_type"


def test_constants_named_zero_at_other_levels() -> None:
    def build(w: World) -> None:
        prop = w.sort(0)
        w.axiom("Nat.zero", prop, ["u"])
        q = w.axiom("q", w.arrow(prop, prop))
        h = w.axiom("h", w.app(q, w.c("Nat.zero", 0)))
        w.theorem("bad", w.app(q, w.c("Nat.zero", 1)), h)

    assert outcome(lambda: build(World())) == "value_type"


def test_a_function_named_successor_is_not_injective() -> None:
    def build(w: World) -> None:
        prop = w.sort(0)
        w.define("Nat.succ", w.arrow(prop, prop), w.lam(prop, lambda p: w.arrow(p, p)))
        w.axiom("p", prop)
        w.define("good", w.arrow(w.app("Nat.succ", w.c("p")), w.app("Nat.succ", w.c("p"))),
                 w.lam(w.app("Nat.succ", w.c("p")), lambda x: x))  # fmt: skip

    assert outcome(lambda: build(World())) == "accepted"


def test_addition_that_differs_at_one_number() -> None:
    """The equations hold but for one case far away, which no sample would find."""

    def build(w: World) -> None:
        nat, boolean = w.c("Nat"), w.c("Bool")
        fn = w.arrow(nat, nat, nat)
        motive = w.lam(nat, lambda _: nat)
        step = w.lam([nat, nat], lambda _, ih: w.app("Nat.succ", ih))
        no = w.lam([nat, boolean], lambda *_: w.c("Bool.false"))
        rec = w.c("Nat.rec", 1)
        add = lambda x, y: w.app(rec, motive, x, step, y)  # noqa: E731
        test, pick = w.lam(nat, lambda _: boolean), w.lam(boolean, lambda _: nat)
        is_zero = lambda n: w.app(rec, test, w.c("Bool.true"), no, n)  # noqa: E731
        choose = lambda b, x, y: w.app(w.c("Bool.rec", 1), pick, y, x, b)  # noqa: E731
        w.define(
            "Nat.add",
            fn,
            w.lam([nat, nat], lambda x, y: choose(is_zero(y), x, add(x, w.app("Nat.succ", y)))),
        )
        bad = w.eq(nat, w.app("Nat.add", w.nat(1), w.nat(1)), w.nat(2))
        w.theorem("bad", bad, w.refl(nat, w.nat(2)))

    w = World().logic()
    assert outcome(lambda: build(w)) == "value_type"


def test_levels_whose_tree_is_far_larger_than_their_graph() -> None:
    table = LevelTable(Budget(100_000))
    level = other = table.param(("u",))
    for _ in range(300):
        level = table.max(level, table.imax(level, level))
        other = table.imax(other, table.max(other, other))
    started = time.monotonic()
    assert run_deep(lambda: table.equal(level, other))
    made = run_deep(lambda: table.substitute(level, {("u",): table.one}))
    assert run_deep(lambda: table.equal(made, table.one))
    assert time.monotonic() - started < 10
    assert len(repr(level)) < 100


def test_terms_whose_tree_is_far_larger_than_their_graph() -> None:
    def build(w: World) -> None:
        prop: Term = w.sort(0)
        for _ in range(300):
            prop = w.s.pi(prop, prop)
        w.axiom("p", prop)
        type_: Term = w.sort(1)
        for _ in range(300):
            type_ = w.s.pi(type_, type_)
        w.inductive("T", w.sort(3), [("T.mk", w.s.pi(type_, w.c("T")))])

    started = time.monotonic()
    w = World().logic()
    assert outcome(lambda: build(w)) in ("accepted", "field_universe")
    assert time.monotonic() - started < 20


def test_many_fields_cost_steps_once() -> None:
    def build(w: World) -> None:
        t, nat = w.c("T"), w.c("Nat")
        large: Term = nat
        for _ in range(400):
            large = w.s.pi(large, nat)
        mk = t
        for _ in range(400):
            mk = w.s.pi(large, mk)
        w.inductive("T", w.sort(1), [("T.mk", mk)])

    w = World(steps=300_000).logic()
    assert outcome(lambda: build(w)) in ("accepted", "out_of_budget")


def test_names_with_many_components() -> None:
    names: list[Any] = [None, *[[i, "x"] for i in range(5_000)]]
    value = {"names": names, "levels": [], "exprs": [], "declarations": []}
    with pytest.raises(Declined):
        read_tables(json.dumps(value).encode(), Store(Budget()))


@pytest.mark.parametrize(
    "text", ["[" * 10**6, '{"a":' * 10**5, "[" * 40 + "]" * 40, "[]]", '["\\"["']
)
def test_nested_json(text: str) -> None:
    with pytest.raises(Malformed):
        parse_json(text)
    with pytest.raises(Malformed):
        run_deep(lambda: parse_json(text))


def test_brackets_in_texts_do_not_count() -> None:
    assert parse_json(json.dumps(["[" * 1000, '"{' * 100, "\\"])) == ["[" * 1000, '"{' * 100, "\\"]


def test_the_limit_of_recursion_is_put_back() -> None:
    before = sys.getrecursionlimit()
    run_deep(lambda: None)
    with pytest.raises(OutOfBudget):
        run_deep(_endless)
    assert sys.getrecursionlimit() == before


def _endless() -> None:
    _endless()


def test_a_deep_table_is_undecided() -> None:
    exprs: list[Any] = [["s", 0], *[["p", 0, 0, i, 0] for i in range(15_000)]]
    value = {
        "names": [None, [0, "t"]],
        "levels": [["z"]],
        "exprs": exprs,
        "declarations": [["thm", 1, [], 15_000, 15_000]],
    }
    data = json.dumps(value).encode()
    statement = {**value, "exprs": exprs[:1], "declarations": [["axm", 1, [], 0]]}
    question = ask(data, name("t"), json.dumps(statement).encode(), frozenset())
    assert len(question.digest) == 64


def test_a_deep_recursion_is_undecided() -> None:
    """Addition by hand of a number that nobody counts to."""

    def build(w: World) -> None:
        nat = w.c("Nat")
        step = w.lam([nat, nat], lambda _, ih: w.app("Nat.succ", ih))
        plus = w.app(w.c("Nat.rec", 1), w.lam(nat, lambda _: nat), w.nat(1), step, w.nat(10**6))
        w.theorem("t", w.eq(nat, plus, w.nat(10**6 + 1)), w.refl(nat, w.nat(10**6 + 1)))

    w = World(steps=2_000_000).logic()
    assert outcome(lambda: build(w)) in ("accepted", "out_of_budget")


def test_a_definition_that_uses_itself() -> None:
    w = World().logic()
    assert outcome(lambda: w.theorem("t", w.c("False"), w.c("t"))) == "unknown_constant"


def test_a_partial_definition_proves_nothing() -> None:
    def build(w: World) -> None:
        loop = Definition(name("loop"), (), w.c("False"), partial=True, value=w.c("loop"))
        w.add(loop)
        w.theorem("t", w.c("False"), w.c("loop"))

    w = World().logic()
    assert outcome(lambda: build(w)) == "unsafe"


def test_a_rejected_declaration_leaves_nothing_behind() -> None:
    w = World().logic()
    neg = w.c("Neg")
    bad = [("Neg.mk", w.arrow(w.arrow(neg, neg), neg))]
    assert outcome(lambda: w.inductive("Neg", w.sort(1), bad)) == "positivity"
    assert w.env.find(name("Neg")) is None
    assert outcome(lambda: w.inductive("Neg", w.sort(1), [("Neg.mk", neg)])) == "accepted"


def _asked_in_order(order: tuple[int, int]) -> tuple[str, str]:
    w = World().logic()
    nat = w.c("Nat")
    f = w.axiom("f", w.arrow(nat, nat))
    goals = [
        (w.eq(nat, w.app(f, w.nat(1)), w.app(f, w.nat(2))), w.app(f, w.nat(1))),
        (w.eq(nat, w.app("Nat.succ", w.nat(1)), w.nat(2)), w.nat(2)),
    ]

    def ask_for(i: int) -> str:
        goal, value = goals[i]
        return outcome(lambda: w.theorem(f"t{i}", goal, w.refl(nat, value)))

    found = {i: ask_for(i) for i in order}
    return found[0], found[1]


def test_answers_do_not_depend_on_earlier_questions() -> None:
    assert _asked_in_order((0, 1)) == _asked_in_order((1, 0)) == ("value_type", "accepted")


def _export() -> list[str]:
    w = World().logic().lists().quotients()
    nat = w.c("Nat")
    tree, lst = w.c("Tree"), w.app(w.c("List", 0), w.c("Tree"))
    w.inductive("Tree", w.sort(1), [("Tree.node", w.arrow(lst, tree))])
    w.theorem("t", w.eq(nat, w.app("Nat.succ", w.nat(1)), w.nat(2)), w.refl(nat, w.nat(2)))
    pair = w.app(w.c("Prod.mk", 0, 0), nat, nat, w.nat(1), w.nat(2))
    w.theorem("p", w.eq(nat, w.s.proj(name("Prod"), 1, pair), w.nat(2)), w.refl(nat, w.nat(2)))
    names = [n for n, c in w.env.own.items() if not isinstance(c, Constructor | Recursor)]
    return list(write_export(w.env, names))


def _mutate(value: Any, rng: random.Random) -> Any:
    """A value with one number, flag or list in it changed."""
    places: list[tuple[Any, Any]] = []

    def walk(v: Any) -> None:
        items = v.items() if isinstance(v, dict) else enumerate(v)
        for key, inner in items:
            if isinstance(inner, dict | list):
                walk(inner)
            if key not in ("in", "il", "ie"):
                places.append((v, key))

    walk(value)
    holder, key = rng.choice(places)
    old = holder[key]
    if isinstance(old, bool):
        holder[key] = not old
    elif isinstance(old, int):
        holder[key] = max(0, old + rng.choice([-3, -2, -1, 1, 2, 3]))
    elif isinstance(old, list) and old:
        rng.choice([old.reverse, old.pop, lambda: old.append(old[0])])()
    elif isinstance(old, str):
        holder[key] = rng.choice(["", "0", old + "x"])
    return value


def test_changed_exports_prove_nothing_false() -> None:
    """Each of many changes to an export is refused, or leaves it without a proof of `False`."""
    lines = _export()
    rng = random.Random(7)
    verdicts: dict[str, int] = {}
    for _ in range(250):
        changed = list(lines)
        i = rng.randrange(1, len(lines))
        changed[i] = json.dumps(_mutate(json.loads(lines[i]), rng))
        found = check_export(changed, 2_000_000)
        verdicts[found.verdict] = verdicts.get(found.verdict, 0) + 1
        if found.accepted:
            assert found.axioms == ()
    assert verdicts["rejected"] > 50, verdicts


def test_library_theorems_cannot_be_restated() -> None:
    w = World().logic()
    w.add(Theorem(name("t"), (), w.c("True"), value=w.c("True.intro")))
    assert outcome(lambda: w.theorem("t", w.c("False"), w.c("t"))) == "name_taken"


def test_constants_that_share_a_term_and_order_their_parameters_differently(tmp_path: Path) -> None:
    """What is kept of a library's constant at small levels is that constant's own."""
    w = World()
    s = w.s
    u, v = w.level("u"), w.level("v")
    type_ = w.sort(s.succ(s.max(s.succ(u), v)))
    value = w.sort(s.max(s.succ(u), v))
    w.define("A", type_, value, ["u", "v"])
    w.define("B", type_, value, ["v", "u"])
    w.define("C", w.sort(2), w.c("A", 0, 1))
    library = write_world(tmp_path, list(w.env.own.values()))
    for first, second in (("A", "B"), ("B", "A")):
        for n in (first, second):
            levels = (0, 2) if n == "A" else (2, 0)
            goal = Definition(name("t"), (), w.sort(3), value=w.c(n, *levels))
            found = check_proof(library, write_tables([goal]), name("t"), None, Budget())
            assert found.accepted, found
            swapped = Definition(name("t"), (), w.sort(3), value=w.c(n, *reversed(levels)))
            found = check_proof(library, write_tables([swapped]), name("t"), None, Budget())
            assert found.rule == "value_type"


def test_names_of_ours_cannot_be_used(tmp_path: Path) -> None:
    w = World().logic()
    library = write_world(tmp_path, list(w.env.own.values()))
    first = Definition(name("a"), (), w.c("Nat"), value=w.nat(1))
    for used in (w.s.const(("_aludel", 0)), w.s.proj(("_aludel", 0), 0, w.c("Nat.zero"))):
        ignore = w.lam(w.c("Nat"), lambda _: w.c("a"))
        second = Definition(name("t"), (), w.c("Nat"), value=w.app(ignore, used))
        found = check_proof(library, write_tables([first, second]), name("t"), None, Budget())
        assert found.rule == "unknown_constant"


def test_a_statement_asks_for_a_proof_whatever_the_candidate_declares(tmp_path: Path) -> None:
    """Also where the candidate answers with a definition."""
    w = World().logic()
    library = write_world(tmp_path, list(w.env.own.values()))
    value = Definition(name("t"), (), w.c("Nat"), value=w.nat(1))
    asked = write_tables([Axiom(name("s"), (), w.c("Nat"))])
    found = check_proof(library, write_tables([value]), name("t"), asked, Budget())
    assert found.rule == "theorem_prop"


def test_many_declarations_that_share_a_large_term(tmp_path: Path) -> None:
    w = World().logic()
    library = write_world(tmp_path, list(w.env.own.values()))
    large: Term = w.c("Nat")
    for _ in range(3_000):
        large = w.s.pi(large, w.c("Nat"))
    declarations: list[Any] = [Axiom(name("a0"), (), large)]
    for i in range(1, 3_000):
        type_ = w.s.pi(large, w.c("Nat"))
        used = w.app(w.lam(large, lambda _: w.s.app(w.c("id", 1), w.c("Nat"))), w.c(f"a{i - 1}"))
        declarations.append(Definition(name(f"a{i}"), (), type_, value=used))
    started = time.monotonic()
    data = run_deep(lambda: write_tables(declarations))
    found = check_proof(library, data, name("a2999"), None, Budget(500_000))
    assert found.verdict == "out_of_budget"
    assert time.monotonic() - started < 60
