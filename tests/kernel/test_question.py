"""The one question about a candidate, over a library on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from kernel_library import write_world
from kernel_world import World

from aludel.lean_kernel.api import check_proof
from aludel.lean_kernel.budget import Budget
from aludel.lean_kernel.declarations import Declaration
from aludel.lean_kernel.environment import Axiom, Definition, Theorem
from aludel.lean_kernel.library import INDEX, Library, LibraryDamaged
from aludel.lean_kernel.names import Name, name
from aludel.lean_kernel.question import ask
from aludel.lean_kernel.tables import write_tables
from aludel.lean_kernel.terms import Term


@pytest.fixture
def world() -> World:
    """`Nat.add`, a theorem, an axiom."""
    w = World().logic().lists()
    w.quotients()
    nat = w.c("Nat")
    step = w.lam([nat, nat], lambda _, ih: w.app("Nat.succ", ih))
    motive = w.lam(nat, lambda _: nat)
    add = w.lam([nat, nat], lambda x, y: w.app(w.c("Nat.rec", 1), motive, x, step, y))
    w.define("Nat.add", w.arrow(nat, nat, nat), add)
    w.theorem("add_zero", w.pi(nat, lambda x: w.eq(nat, w.app("Nat.add", x, w.nat(0)), x)),
              w.lam(nat, lambda x: w.refl(nat, x)))  # fmt: skip
    w.axiom("choice", w.sort(0))
    return w


@pytest.fixture
def library(world: World, tmp_path: Path) -> Library:
    constants = list(world.env.own.values())
    absent = world.s.const(("_private", 0, "f"))
    nat = world.c("Nat")
    about = world.eq(nat, absent, world.nat(0))
    constants.append(Theorem(name("f_eq"), (), about))
    constants.append(Axiom(name("sorryAx"), (), world.c("False")))
    return write_world(tmp_path / "lib", constants, frozenset({name("add_zero")}))


def tables(*declarations: Declaration) -> bytes:
    return write_tables(declarations)


def statement(type_: Term) -> bytes:
    return write_tables([Axiom(name("s"), (), type_)])


def verdict(library: Library, proof: list[Declaration], wanted: str, type_: Term) -> str:
    outcome = check_proof(library, tables(*proof), name(wanted), statement(type_), Budget())
    return outcome.rule or outcome.verdict


def test_a_proof_is_accepted(world: World, library: Library) -> None:
    w, nat = world, world.c("Nat")
    goal = w.eq(nat, w.app("Nat.add", w.nat(2), w.nat(2)), w.nat(4))
    helper = Definition(name("four"), (), nat, value=w.nat(4))
    proof = Theorem(name("t"), (), goal, value=w.refl(nat, w.c("four")))
    outcome = check_proof(library, tables(helper, proof), name("t"), statement(goal), Budget())
    assert (outcome.verdict, outcome.axioms, outcome.hidden) == ("accepted", (), 0)
    assert outcome.declarations == 3
    assert 0 < outcome.steps < 2_000


def test_the_statement_is_what_is_asked(world: World, library: Library) -> None:
    w, nat = world, world.c("Nat")
    goal = w.eq(nat, w.nat(2), w.nat(2))
    proof: list[Declaration] = [Theorem(name("t"), (), goal, value=w.refl(nat, w.nat(2)))]
    assert verdict(library, proof, "t", goal) == "accepted"
    assert (
        verdict(library, proof, "t", w.eq(nat, w.app("Nat.succ", w.nat(1)), w.nat(2))) == "accepted"
    )
    assert verdict(library, proof, "t", w.eq(nat, w.nat(2), w.nat(3))) == "value_type"
    assert verdict(library, proof, "t", w.c("Nat")) == "theorem_prop"
    assert verdict(library, proof, "u", goal) == "wanted"


def test_what_a_proof_rests_on(world: World, library: Library) -> None:
    w, nat = world, world.c("Nat")
    goal = w.eq(nat, w.app("Nat.add", w.nat(7), w.nat(0)), w.nat(7))
    value = w.app("add_zero", w.nat(7))
    proof = Theorem(name("t"), (), goal, value=value)
    outcome = check_proof(library, tables(proof), name("t"), statement(goal), Budget())
    assert (outcome.verdict, outcome.axioms, outcome.hidden) == ("accepted", (), 1)
    false = w.c("False")
    cheat = Theorem(name("t"), (), false, value=w.c("sorryAx"))
    outcome = check_proof(library, tables(cheat), name("t"), statement(false), Budget())
    assert (outcome.verdict, outcome.axioms) == ("accepted", (name("sorryAx"),))


def test_an_absent_private_name_cannot_be_declared(world: World, library: Library) -> None:
    w, nat = world, world.c("Nat")
    absent: Name = ("_private", 0, "f")
    declared = Definition(absent, (), nat, value=w.nat(1))
    goal = w.eq(nat, w.nat(1), w.nat(0))
    proof = Theorem(name("t"), (), goal, value=w.c("f_eq"))
    assert verdict(library, [declared, proof], "t", goal) == "name_taken"
    # with another name for it, the library's equation is about nothing that is there
    assert verdict(library, [proof], "t", goal) == "unknown_constant"
    # as another name that prints alike, it is another constant
    alike = Definition(("_private", "0", "f"), (), nat, value=w.nat(1))
    assert verdict(library, [alike, proof], "t", goal) == "unknown_constant"


@pytest.mark.parametrize("taken", ["Nat", "Nat.add", "Nat.rec", "False", "add_zero", "_aludel.x"])
def test_names_of_the_library_are_taken(world: World, library: Library, taken: str) -> None:
    w = world
    declared = Definition(name(taken), (), w.c("Nat"), value=w.nat(1))
    good = Theorem(name("t"), (), w.c("True"), value=w.c("True.intro"))
    assert verdict(library, [declared, good], "t", w.c("True")) == "name_taken"


def test_order_and_repetition(world: World, library: Library) -> None:
    w, true = world, world.c("True")
    first = Theorem(name("t"), (), true, value=w.c("later"))
    later = Theorem(name("later"), (), true, value=w.c("True.intro"))
    assert verdict(library, [first, later], "t", true) == "order"
    assert verdict(library, [later, first], "t", true) == "accepted"
    assert verdict(library, [later, later, first], "t", true) == "name_taken"
    itself = Theorem(name("t"), (), w.c("False"), value=w.c("t"))
    assert verdict(library, [itself], "t", w.c("False")) == "order"


def test_the_question_is_the_same_whatever_is_around_it(world: World, library: Library) -> None:
    w, true = world, world.c("True")
    proof = Theorem(name("t"), (), true, value=w.c("True.intro"))
    noise = Definition(name("noise"), (), w.c("Nat"), value=w.nat(5))
    other = Theorem(name("other"), (), true, value=w.c("True.intro"))
    a = ask(tables(proof), name("t"), statement(true), library)
    b = ask(tables(noise, other), name("other"), statement(true), library)
    assert a.tables == b.tables
    assert a.digest == b.digest
    assert b"noise" not in b.tables
    assert a.given[("_aludel", 0)] == name("t")


def test_universe_parameters_by_position(world: World, library: Library) -> None:
    w = world
    sort = w.sort("v")
    goal = w.pi(sort, lambda a: w.arrow(a, a))
    value = w.lam([sort, lambda a: a], lambda _, x: x)
    proof = Definition(name("t"), names("v"), goal, value=value)
    other = w.sort("w")
    asked = Definition(name("s"), names("w"), w.pi(other, lambda a: w.arrow(a, a)), value=value)
    found = check_proof(library, tables(proof), name("t"), write_tables([asked]), Budget())
    assert found.verdict == "accepted", found
    asked = Definition(name("s"), names("w", "x"), asked.type, value=value)
    found = check_proof(library, tables(proof), name("t"), write_tables([asked]), Budget())
    assert found.rule == "statement"
    stray = Definition(name("t"), (), goal, value=value)
    found = check_proof(library, tables(stray), name("t"), write_tables([asked]), Budget())
    assert found.rule == "level_params"


def names(*texts: str) -> tuple[Name, ...]:
    return tuple(map(name, texts))


def test_inductive_types_of_the_candidate(world: World, library: Library) -> None:
    own = World()
    own.env.parent = world.env  # terms of one world on top of the other
    w = world
    tree, lst = w.c("T"), w.c("List", 0)
    from aludel.lean_kernel.declarations import InductiveBlock
    from aludel.lean_kernel.inductive import BlockSpec, TypeSpec

    node = w.arrow(w.app(lst, tree), tree)
    spec = BlockSpec((), 0, (TypeSpec(name("T"), w.sort(1), ((name("T.node"), node),)),))
    motive = w.lam(tree, lambda _: w.c("True"))
    motive_list = w.lam(w.app(lst, tree), lambda _: w.c("True"))
    intro = w.c("True.intro")
    value = w.lam(
        tree,
        lambda t: w.app(
            w.c("T.rec", 0),
            motive,
            motive_list,
            w.lam([w.app(lst, tree), w.c("True")], lambda _, __: intro),
            intro,
            w.lam([tree, w.app(lst, tree), w.c("True"), w.c("True")], lambda *_: intro),
            t,
        ),
    )
    lemma = Theorem(name("l"), (), w.arrow(tree, w.c("True")), value=value)
    proof = Theorem(
        name("t"), (), w.c("True"), value=w.lam(w.arrow(tree, w.c("True")), lambda _: intro)
    )
    last = Theorem(
        name("u"),
        (),
        w.c("True"),
        value=w.app(w.lam(w.arrow(tree, w.c("True")), lambda _: intro), w.c("l")),
    )
    block = InductiveBlock(spec)
    assert verdict(library, [block, lemma, last], "u", w.c("True")) == "accepted"
    assert verdict(library, [block, lemma, proof], "t", w.c("True")) == "value_type"
    bad = BlockSpec(
        (),
        0,
        (TypeSpec(name("T"), w.sort(1), ((name("T.mk"), w.arrow(w.arrow(tree, tree), tree)),)),),
    )
    asked = Theorem(
        name("u"), (), w.c("True"), value=w.app(w.lam(w.sort(1), lambda _: intro), tree)
    )
    assert verdict(library, [InductiveBlock(bad), asked], "u", w.c("True")) == "positivity"


def test_a_damaged_library_is_no_verdict(world: World, library: Library, tmp_path: Path) -> None:
    data = tmp_path / "lib" / "library.jsonl"
    data.write_bytes(data.read_bytes().replace(b'"World"', b'"Wirld"', 1))
    assert (tmp_path / "lib" / INDEX).exists()
    w = world
    proof = Theorem(name("t"), (), w.c("True"), value=w.c("True.intro"))
    with pytest.raises(LibraryDamaged):
        check_proof(
            Library(tmp_path / "lib"), tables(proof), name("t"), statement(w.c("True")), Budget()
        )


def test_steps_run_out(world: World, library: Library) -> None:
    w, nat = world, world.c("Nat")
    goal = w.eq(nat, w.app("Nat.add", w.nat(2), w.nat(2)), w.nat(4))
    proof = Theorem(name("t"), (), goal, value=w.refl(nat, w.nat(4)))
    outcome = check_proof(library, tables(proof), name("t"), statement(goal), Budget(50))
    assert (outcome.verdict, outcome.exit_code) == ("out_of_budget", 2)
