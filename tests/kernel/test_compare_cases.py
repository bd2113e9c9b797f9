"""Two exports compared: what a solution may change, and what it may not."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from kernel_world import World

from aludel.cli.compare import command
from aludel.lean_kernel.compare import WAYS_OUT, Comparison, compare, way_out
from aludel.lean_kernel.environment import (
    Axiom,
    Constructor,
    Definition,
    Inductive,
    Opaque,
    Recursor,
    Theorem,
)
from aludel.lean_kernel.names import Name, name, read_name
from aludel.lean_kernel.terms import Term
from aludel.lean_kernel.writer import write_export

Step = Callable[[World], object]


def _sides(w: World) -> None:
    even, odd = w.c("Even"), w.c("Odd")
    w.block(
        [
            ("Even", w.sort(1), [("Even.zero", even), ("Even.succ", w.arrow(odd, even))]),
            ("Odd", w.sort(1), [("Odd.succ", w.arrow(even, odd))]),
        ]
    )


def _tree(w: World) -> None:
    tree = w.c("Tree")
    node = w.arrow(w.app(w.c("List", 0), tree), tree)
    w.inductive("Tree", w.sort(1), [("Tree.node", node)])


def _text(w: World) -> None:
    nat, char = w.c("Nat"), w.c("Char")
    w.inductive("Char", w.sort(1), [("Char.mk", w.arrow(nat, char))])
    w.define("Char.ofNat", w.arrow(nat, char), w.c("Char.mk"))
    chars = w.app(w.c("List", 0), char)
    w.inductive("String", w.sort(1), [("String.raw", w.arrow(chars, w.c("String")))])
    w.define("String.ofList", w.arrow(chars, w.c("String")), w.c("String.raw"))


def _instance(w: World, value: int = 2) -> None:
    nat, cls = w.c("Nat"), w.c("Valued")
    w.inductive("Valued", w.sort(1), [("Valued.mk", w.arrow(nat, cls))])
    w.define("instValued", cls, w.app("Valued.mk", w.nat(value)))


def _shape(w: World, *more: str) -> None:
    names = ["Shape.a", "Shape.b", *more]
    w.inductive("Shape", w.sort(1), [(n, w.c("Shape")) for n in names])


def _lemma(w: World) -> None:
    """A type that mentions a proof, of which only the statement counts."""
    w.theorem("lemma", w.c("True"), w.c("True.intro"))
    w.define("Marked", w.arrow(w.c("True"), w.sort(0)), w.lam(w.c("True"), lambda _: w.c("True")))


STEPS: dict[str, Step] = {
    "k": lambda w: w.define("k", w.c("Nat"), w.nat(2)),
    "instance": _instance,
    "shape": _shape,
    "tree": _tree,
    "sides": _sides,
    "text": _text,
    "claim": lambda w: w.inductive("Claim", w.sort(0), [("Claim.a", w.c("Claim"))]),
    "opaque": lambda w: w.opaque("hidden", w.c("Nat"), w.nat(1)),
    "lemma": _lemma,
}
"""What the statements rest on, beside the common words of `World.logic` and lists."""


def _same(w: World, type_: Term) -> tuple[Term, Term]:
    goal = w.pi(type_, lambda x: w.eq(type_, x, x))
    return goal, w.lam(type_, lambda x: w.refl(type_, x))


def goals(w: World) -> dict[str, tuple[Term, Term]]:
    """Statements with proofs."""
    nat, string, true = w.c("Nat"), w.c("String"), w.c("True")
    value = w.s.proj(name("Valued"), 0, w.c("instValued"))
    text = w.s.text("ab")
    return {
        "t": (w.eq(nat, w.c("k"), w.nat(2)), w.refl(nat, w.nat(2))),
        "instance": (w.eq(nat, value, w.nat(2)), w.refl(nat, w.nat(2))),
        "shape": _same(w, w.c("Shape")),
        "tree": _same(w, w.c("Tree")),
        "sides": _same(w, w.c("Odd")),
        "text": (w.eq(string, text, text), w.refl(string, text)),
        "claim": (w.arrow(w.c("Claim"), true), w.lam(w.c("Claim"), lambda _: w.c("True.intro"))),
        "opaque": (w.eq(nat, w.c("hidden"), w.c("hidden")), w.refl(nat, w.c("hidden"))),
        "lemma": (w.app("Marked", w.c("lemma")), w.c("True.intro")),
    }


def challenge() -> World:
    w = World().logic().lists()
    for step in STEPS.values():
        step(w)
    w.axiom("sorryAx", w.pi(w.sort(0), lambda p: p))
    for n, (goal, _) in goals(w).items():
        w.theorem(f"main.{n}", goal, w.app("sorryAx", goal))
    u, v = w.sort("u"), w.sort("v")
    goal = w.pi([u, v], lambda *_: w.c("True"))
    w.theorem("main.levels", goal, w.app("sorryAx", goal), ["u", "v"])
    return w


def solution(only: str = "", last: Step | None = None, **steps: Step) -> World:
    """The theory with some steps made otherwise, and all theorems proved.

    `only`: just that theorem, by `last` where given.
    """
    w = World().logic().lists()
    for step in {**STEPS, **steps}.values():
        step(w)
    for n, (goal, proof) in goals(w).items():
        if not only or (n == only and last is None):
            w.theorem(f"main.{n}", goal, proof)
    if last is not None:
        last(w)
    return w


def lines(w: World) -> list[str]:
    made = [n for n, c in w.env.own.items() if not isinstance(c, Constructor | Recursor)]
    firsts = [n for n in made if not isinstance(c := w.env.get(n), Inductive) or c.block[0] == n]
    return list(write_export(w.env, firsts))


STATED = lines(challenge())


def compared(made: World | list[str], *theorems: str, allowed: Sequence[str] = ()) -> Comparison:
    proved = lines(made) if isinstance(made, World) else made
    axioms = [name(n) for n in allowed or ("propext", "Classical.choice", "Quot.sound")]
    return compare(STATED, proved, [name(f"main.{n}") for n in theorems], axioms)


def rule(found: Comparison) -> str:
    return found.outcome.rule or found.outcome.verdict


def test_all_theorems_are_proved() -> None:
    found = compared(solution(), *goals(challenge()))
    assert rule(found) == "accepted", found
    assert [(o.verdict, o.axioms) for _, o in found.theorems] == [("accepted", ())] * 9


def levels(*params: str, sorts: str = "uv") -> Step:
    def build(w: World) -> None:
        doms = [w.sort(u) for u in sorts]
        w.theorem("main.levels", w.pi(doms, lambda *_: w.c("True")),
                  w.lam(doms, lambda *_: w.c("True.intro")), params)  # fmt: skip

    return build


def proved_by(n: str, proof: Callable[[World, Term], Term]) -> Step:
    def build(w: World) -> None:
        goal, _ = goals(w)[n]
        w.theorem(f"main.{n}", goal, proof(w, goal))

    return build


def declared_as(n: str, make: Callable[[Name, Term, Term], Any]) -> Step:
    def build(w: World) -> None:
        goal, proof = goals(w)[n]
        w.add(make(name(f"main.{n}"), goal, proof))

    return build


def helped(w: World, goal: Term) -> Term:
    """By a lemma, a definition and a type of the solution's own."""
    w.inductive("Mine", w.sort(1), [("Mine.a", w.c("Mine"))])
    w.define("mine", w.c("Mine"), w.c("Mine.a"))
    w.theorem("helper", goal, w.refl(w.c("Nat"), w.nat(2)))
    return w.app(w.lam(w.c("Mine"), lambda _: w.c("helper")), w.c("mine"))


def by_axiom(n: str) -> Callable[[World, Term], Term]:
    return lambda w, goal: w.axiom(n, goal)


def by_native(w: World, goal: Term) -> Term:
    """As `native_decide` proves: an axiom about a constant that Lean runs as compiled code."""
    w.axiom("Lean.trustCompiler", w.c("True"))
    boolean, b = w.c("Bool"), w.c("Bool.true")
    w.opaque("Lean.reduceBool", w.arrow(boolean, boolean), w.lam(boolean, lambda b: b))
    ran = w.eq(boolean, w.app("Lean.reduceBool", b), b)
    w.axiom("Lean.ofReduceBool", w.arrow(ran, goal))
    return w.app("Lean.ofReduceBool", w.axiom("ran", ran))


def by_opaque(w: World, goal: Term) -> Term:
    cheat = w.axiom("cheat", w.c("False"))
    return w.app(
        w.c("False.rec", 0), w.lam(w.c("False"), lambda _: goal), w.opaque("v", w.c("False"), cheat)
    )


def by_unsafe(w: World, goal: Term) -> Term:
    w.add(Definition(name("loop"), (), goal, unsafe=True, value=w.c("loop")))
    return w.c("loop")


def by_partial(w: World, goal: Term) -> Term:
    w.add(Definition(name("loop"), (), goal, partial=True, value=w.c("loop")))
    return w.c("loop")


def own_addition(w: World) -> None:
    """`Nat.add` that is no addition, and a proof that wants it to be."""
    nat = w.c("Nat")
    w.define("Nat.add", w.arrow(nat, nat, nat), w.lam([nat, nat], lambda *_: w.nat(0)))
    two = w.app("Nat.add", w.nat(1), w.nat(1))
    w.theorem("sum", w.eq(nat, two, w.nat(2)), w.refl(nat, w.nat(2)))


REFUSED: list[tuple[str, World, str, str]] = [
    # title and theorem, solution, rule, what the message says
    ("t: definition in the closure changed",
     solution("shape", k=lambda w: w.define("k", w.c("Nat"), w.nat(3)),
              last=lambda w: w.theorem("main.t", w.eq(w.c("Nat"), w.c("k"), w.nat(2)),
                                       w.axiom("a", w.eq(w.c("Nat"), w.c("k"), w.nat(2))))),
     "closure", "rests on k, in the solution a definition that differs"),
    ("t: definition turned into an axiom",
     solution("t", k=lambda w: w.axiom("k", w.c("Nat")),
              last=lambda w: proved_by("t", by_axiom("a"))(w)), "closure", "an axiom"),
    ("t: definition turned into an opaque constant",
     solution("t", k=lambda w: w.opaque("k", w.c("Nat"), w.nat(2)),
              last=proved_by("t", by_axiom("a"))), "closure", "an opaque"),
    ("t: statement changed",
     solution("t", lambda w: w.theorem("main.t", w.eq(w.c("Nat"), w.nat(2), w.c("k")),
                                       w.refl(w.c("Nat"), w.nat(2)))),
     "statement", "main.t states something else"),
    ("t: the same statement up to reduction is another one",
     solution("t", lambda w: w.theorem("main.t", w.eq(w.c("Nat"), w.nat(2), w.nat(2)),
                                       w.refl(w.c("Nat"), w.nat(2)))),
     "statement", "states something else"),
    ("t: axiom added", solution("t", proved_by("t", by_axiom("cheat"))),
     "axiom", "cheat is not allowed (main.t -> cheat)"),
    ("t: axiom named like one of the library's",
     solution("t", proved_by("t", by_axiom("propext"))), "axiom", "neither the challenge's"),
    ("t: axiom inside an opaque constant", solution("t", proved_by("t", by_opaque)),
     "axiom", "main.t -> v -> cheat"),
    ("t: sorry inside",
     solution("t", proved_by("t", lambda w, goal: w.app(
         w.axiom("sorryAx", w.pi(w.sort(0), lambda p: p)), goal))), "axiom", "sorryAx"),
    ("t: compiled code", solution("t", proved_by("t", by_native)), "axiom", "Lean.ofReduceBool"),
    ("t: theorem missing", solution("shape"), "solution", "main.t is missing"),
    ("t: theorem of another name",
     solution("t", lambda w: w.theorem("t", *goals(w)["t"])), "solution", "main.t is missing"),
    ("t: theorem turned into an axiom",
     solution("t", declared_as("t", lambda n, g, _: Axiom(n, (), g))), "solution", "an axiom"),
    ("t: theorem turned into an opaque constant",
     solution("t", declared_as("t", lambda n, g, p: Opaque(n, (), g, value=p))),
     "solution", "an opaque"),
    ("t: theorem turned into a definition",
     solution("t", declared_as("t", lambda n, g, p: Definition(n, (), g, value=p))),
     "solution", "a definition"),
    ("levels: universe parameters renamed",
     solution("t", levels("a", "b", sorts="ab")), "statement", "{a, b} in the solution"),
    ("levels: universe parameters in another order",
     solution("t", levels("v", "u")), "statement", "{v, u} in the solution, {u, v}"),
    ("levels: universe parameters exchanged in the statement",
     solution("t", levels("u", "v", sorts="vu")), "statement", "states something else"),
    ("levels: a universe parameter less",
     solution("t", levels("u", sorts="uu")), "statement", "{u} in the solution"),
    ("instance: instance changed",
     solution("instance", instance=lambda w: _instance(w, 3),
              last=proved_by("instance", by_axiom("a"))), "closure", "instValued"),
    ("shape: constructor added", solution(shape=lambda w: _shape(w, "Shape.c")),
     "closure", "rests on Shape, in the solution an inductive type that differs"),
    ("shape: constructor of another type",
     solution(shape=lambda w: w.inductive("Shape", w.sort(1), [
         ("Shape.a", w.c("Shape")), ("Shape.b", w.arrow(w.c("Nat"), w.c("Shape")))])),
     "closure", "rests on Shape.b"),
    ("claim: a type instead of a proposition",
     solution(claim=lambda w: w.inductive("Claim", w.sort(1), [("Claim.a", w.c("Claim"))])),
     "closure", "rests on Claim"),
    ("claim: false instead of true",
     solution(claim=lambda w: w.inductive("Claim", w.sort(0), [])), "closure", "rests on Claim"),
    ("sides: a mutual block with another constructor",
     solution(sides=lambda w: w.block([
         ("Even", w.sort(1), [("Even.succ", w.arrow(w.c("Odd"), w.c("Even")))]),
         ("Odd", w.sort(1), [("Odd.succ", w.arrow(w.c("Even"), w.c("Odd")))])])),
     "closure", "main.sides rests on Even"),
    ("tree: a nested type over another one",
     solution(tree=lambda w: w.inductive("Tree", w.sort(1), [
         ("Tree.node", w.arrow(w.app(w.c("Prod", 0, 0), w.c("Tree"), w.c("Nat")), w.c("Tree")))])),
     "closure", "main.tree rests on Tree"),
    ("opaque: another body of an opaque constant",
     solution(opaque=lambda w: w.opaque("hidden", w.c("Nat"), w.nat(0))), "closure", "hidden"),
    ("lemma: a lemma of the statement turned into an axiom",
     solution(lemma=lambda w: (w.axiom("lemma", w.c("True")), w.define(
         "Marked", w.arrow(w.c("True"), w.sort(0)), w.lam(w.c("True"), lambda _: w.c("True"))))),
     "closure", "rests on lemma, in the solution an axiom"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("title", "made", "expected", "says"), REFUSED, ids=[r[0] for r in REFUSED]
)
def test_refused(title: str, made: World, expected: str, says: str) -> None:
    found = compared(made, title.split(":")[0])
    assert (rule(found), found.outcome.exit_code) == (expected, 1), found
    assert says in found.outcome.message
    assert way_out(found, found.outcome) == WAYS_OUT[expected]


ACCEPTED: dict[str, tuple[str, World]] = {
    "extra helpers": ("t", solution("t", proved_by("t", helped))),
    "a lemma of the statement proved otherwise": (
        "lemma",
        solution(lemma=lambda w: (w.theorem("lemma", w.c("True"), w.app(
            w.lam(w.c("True"), lambda x: x), w.c("True.intro"))), w.define(
                "Marked", w.arrow(w.c("True"), w.sort(0)),
                w.lam(w.c("True"), lambda _: w.c("True"))))),
    ),
    "a definition that no statement rests on is another": (
        "t", solution("t", shape=lambda w: _shape(w, "Shape.c"))),
    "another axiom that the proof does not use": (
        "t", solution("t", opaque=lambda w: (STEPS["opaque"](w), w.axiom("cheat", w.c("False"))))),
    "universe parameters as they were": ("levels", solution("t", levels("u", "v"))),
}  # fmt: skip


@pytest.mark.parametrize(("theorem", "made"), ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(theorem: str, made: World) -> None:
    found = compared(made, theorem)
    assert rule(found) == "accepted", found
    assert way_out(found, found.outcome) == ""


def changed(made: World, change: Callable[[dict[str, Any]], object]) -> list[str]:
    """The solution's lines, each after a change."""
    entries = [json.loads(line) for line in lines(made)]
    for entry in entries:
        change(entry)
    return [json.dumps(entry) for entry in entries]


def test_names_and_kinds_of_binders_and_annotations_do_not_count() -> None:
    def change(entry: dict[str, Any]) -> None:
        for word in ("lam", "forallE"):
            if word in entry:
                entry[word].update(name=1, binderInfo="implicit")

    assert rule(compared(changed(solution(), change), "t", "tree")) == "accepted"
    out = lines(solution())
    last = json.loads(out[-1])["thm"]
    last["type"], wrapped = 10**6, {"ie": 10**6, "mdata": {"expr": last["type"], "data": {}}}
    out[-1:] = [json.dumps(wrapped), json.dumps({"thm": last})]
    assert rule(compared(out, "lemma")) == "accepted"


FORGED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "an ill-typed proof": (
        lambda e: "thm" in e and e["thm"].update(value=e["thm"]["type"]), "value_type"),
    "rules of recursors exchanged": (
        lambda e: [r["rules"].reverse() for r in e.get("inductive", {}).get("recs", [])], "claim"),
    "K where there is none": (
        lambda e: [r.update(k=True) for r in e.get("inductive", {}).get("recs", [])], "claim"),
    "fields not counted": (
        lambda e: [c.update(numFields=0) for c in e.get("inductive", {}).get("ctors", [])],
        "claim"),
    "an unsafe theory": (
        lambda e: "def" in e and e["def"].update(safety="unsafe"), "unsafe"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), FORGED.values(), ids=FORGED)
def test_forged(change: Callable[[dict[str, Any]], object], expected: str) -> None:
    found = compared(changed(solution(), change), "t")
    assert (rule(found), found.failed, found.theorems) == (expected, "solution", ()), found
    assert "lean4export" in way_out(found, found.outcome)


@pytest.mark.parametrize(("proof", "expected"), [(by_unsafe, "unsafe"), (by_partial, "unsafe")])
def test_unsafe_and_partial_definitions_prove_nothing(
    proof: Callable[[World, Term], Term], expected: str
) -> None:
    w = World("unsafe").logic().lists()
    for step in STEPS.values():
        step(w)
    proved_by("t", proof)(w)
    found = compared(w, "t")
    assert (rule(found), found.failed) == (expected, "solution"), found


def test_duplicates() -> None:
    out = lines(solution())
    assert rule(compared([*out, out[-1]], "t")) == "name_taken"
    assert rule(compared(out, "t", "t")) == "names"
    assert rule(compared(out)) == "names"
    assert rule(compared(out, "nothing")) == "challenge"


def test_a_challenge_that_fails_is_named() -> None:
    found = compare(STATED[1:], lines(solution()), [name("main.t")])
    assert (found.failed, rule(found)) == ("challenge", "export")


def test_arithmetic_of_ones_own_is_not_run() -> None:
    w = World("value_type").logic().lists()
    for step in STEPS.values():
        step(w)
    own_addition(w)
    w.theorem("main.t", *goals(w)["t"])
    found = compared(w, "t")
    assert (rule(found), found.outcome.message[:15]) == ("value_type", "solution: sum: ")


def test_what_a_text_means_is_part_of_the_closure() -> None:
    """`String.ofList` and `Char.ofNat` stand in no term, and each text rests on them."""

    def other(w: World) -> None:
        nat, char = w.c("Nat"), w.c("Char")
        w.inductive("Char", w.sort(1), [("Char.mk", w.arrow(nat, char))])
        w.define("Char.ofNat", w.arrow(nat, char), w.lam(nat, lambda _: w.app("Char.mk", w.nat(0))))
        chars = w.app(w.c("List", 0), char)
        w.inductive("String", w.sort(1), [("String.raw", w.arrow(chars, w.c("String")))])
        w.define("String.ofList", w.arrow(chars, w.c("String")), w.c("String.raw"))

    found = compared(solution(text=other), "text")
    assert (rule(found), "Char.ofNat" in found.outcome.message) == ("closure", True), found


def hidden_in_a_text(w: World) -> None:
    """`False` out of a character, whose making rests on an axiom that no term names."""
    false, nat, char = w.c("False"), w.c("Nat"), w.c("Char")
    cheat = w.axiom("cheat", false)
    w.inductive("Char", w.sort(1), [("Char.mk", w.arrow(false, char))])
    w.define("Char.ofNat", w.arrow(nat, char), w.lam(nat, lambda _: w.app("Char.mk", cheat)))
    chars = w.app(w.c("List", 0), char)
    w.inductive("String", w.sort(1), [("String.raw", w.arrow(chars, w.c("String")))])
    w.define("String.ofList", w.arrow(chars, w.c("String")), w.c("String.raw"))


def test_an_axiom_behind_a_text_is_found() -> None:
    def build(w: World, goal: Term) -> Term:
        char, type1 = w.c("Char"), w.sort(1)
        chars = w.app(w.c("List", 0), char)
        unit = w.c("PUnit", 1)
        motive = w.lam(chars, lambda xs: w.app(
            w.c("List.rec", 2, 0), char, w.lam(chars, lambda _: type1), unit,
            w.lam([char, chars, type1], lambda *_: char), xs))  # fmt: skip
        head = w.lam([char, chars, lambda _, xs: w.app(motive, xs)], lambda c, *_: c)
        text = w.s.proj(name("String"), 0, w.s.text("a"))
        first = w.app(w.c("List.rec", 1, 0), char, motive, w.c("PUnit.unit", 1), head, text)
        wrong = w.s.proj(name("Char"), 0, first)
        return w.app(w.c("False.rec", 0), w.lam(w.c("False"), lambda _: goal), wrong)

    found = compared(solution("t", proved_by("t", build), text=hidden_in_a_text), "t")
    assert (rule(found), "Char.ofNat -> cheat" in found.outcome.message) == ("axiom", True), found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b", ("a", "b")),
        ("«a.b».c", ("a.b", "c")),
        ("«123».foo", ("123", "foo")),
        ("_private.M.0.t", ("_private", "M", 0, "t")),
        ("a.", None), (".a", None), ("", None), ("a..b", None), ("«a", None), ("a»", None),
    ],
)  # fmt: skip
def test_names_as_lean_writes_them(text: str, expected: Name | None) -> None:
    assert read_name(text) == expected


def test_command_line_tells_the_way_out(tmp_path: Path) -> None:
    stated, proved = tmp_path / "c.ndjson", tmp_path / "s.ndjson"
    stated.write_text("\n".join(STATED))
    proved.write_text("\n".join(lines(solution("t"))))
    files, runner = [str(stated), str(proved)], CliRunner()

    def run(*options: str) -> tuple[int, str]:
        found = runner.invoke(command, [*files, *options], standalone_mode=False)
        return found.return_value, found.stdout

    code, out = run("--theorems", "main.t,main.tree")
    assert code == 1
    assert out == (
        "main.t: proved; axioms none\nmain.tree: rejected: main.tree is missing in the solution, "
        f"no theorem\n  fix: {WAYS_OUT['solution']}\n"
    )
    code, out = run("--theorems", "main.t", "--steps", "100", "--json")
    answer = json.loads(out)
    assert (code, answer["verdict"], answer["failed"]) == (2, "out_of_budget", "challenge")
    assert "steps" in answer["fix"]
    proved.write_text("not an export")
    code, out = run("--theorems", "main.t", "--json")
    assert (code, json.loads(out)["rule"], json.loads(out)["failed"]) == (1, "json", "solution")
    found = runner.invoke(command, [*files, "--theorems", "a..b"])
    assert (found.exit_code, "no name of Lean" in found.output) == (2, True)


def test_the_theory_is_what_the_cases_say() -> None:
    w = challenge()
    assert isinstance(w.env.find(name("main.t")), Theorem)
    assert isinstance(w.env.find(name("Odd")), Inductive)
    assert len(REFUSED) + len(ACCEPTED) + len(FORGED) >= 35
