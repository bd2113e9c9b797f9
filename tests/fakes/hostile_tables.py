"""What a hostile elaborator claims: tables that Lean would never have made, and lies beside them.

Each case is an answer to a check of a statement. All say of themselves that the kernel accepted
them, that they match, and that they rest on no axiom.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kernel_world import World

from aludel.lean_kernel.budget import run_deep
from aludel.lean_kernel.declarations import Declaration, InductiveBlock
from aludel.lean_kernel.environment import Axiom, Definition, Opaque, Theorem
from aludel.lean_kernel.inductive import BlockSpec, TypeSpec
from aludel.lean_kernel.names import name
from aludel.lean_kernel.tables import write_tables
from aludel.lean_kernel.terms import Term

FALSE, TRUE = "theorem t : False", "theorem t : True"
SUM = "theorem t : 2 + 2 = 5"
ABSENT = ("_private", "Init", "Prelude", 0, "Lean", "Syntax", "getHeadInfo?", "match_1")
"""A name that the exported library mentions and does not hold."""
Raw = dict[str, Any]
Made = Callable[[World], Sequence[Declaration]]


@dataclass(frozen=True)
class Lie:
    """One claim.

    Attributes:
        claim: fields of the answer that differ from those of an honest proof of ``True``.
        expect: outcomes that are right; never ``accepted`` where a false statement is asked.
        statement: what is asked; None asks what the text declares.
    """

    name: str
    expect: frozenset[str]
    claim: Raw = field(default_factory=dict)
    statement: str | None = FALSE


def lies() -> list[Lie]:
    """All cases."""
    return [*_proofs(), *_blocks(), *_odd_tables(), *_odd_claims()]


def _declare(n: str | tuple[str | int, ...], type_: Term, value: Term, *params: str) -> Definition:
    return Definition(_name(n), tuple(map(name, params)), type_, value=value)


def _prove(n: str | tuple[str | int, ...], type_: Term, value: Term, *params: str) -> Theorem:
    return Theorem(_name(n), tuple(map(name, params)), type_, value=value)


def _name(n: str | tuple[str | int, ...]) -> tuple[str | int, ...]:
    return name(n) if isinstance(n, str) else n


def _block(n: str, type_: Term, ctors: Sequence[tuple[str, Term]], count: int = 0) -> Declaration:
    types = (TypeSpec(name(n), type_, tuple((name(c), t) for c, t in ctors)),)
    return InductiveBlock(BlockSpec((), count, types))


def _tables(make: Made) -> Raw:
    found: Raw = run_deep(lambda: json.loads(write_tables(tuple(make(World())))))
    return found


def _lie(title: str, expect: str, make: Made, statement: str | None = FALSE) -> Lie:
    return Lie(title, frozenset(expect.split()), {"terms": _tables(make)}, statement)


def _aside(w: World, *used: Term) -> Theorem:
    """A proof of ``True`` that mentions ``used`` on its way."""
    value = w.c("True.intro")
    for term in used:
        value = w.app(w.lam(w.sort(1), lambda _, value=value: value), term)
    return _prove("t", w.c("True"), value)


def _proofs() -> list[Lie]:
    """Terms of the library's constants, and of definitions that take their names."""
    return [
        _lie("a proof of True", "kernel", lambda w: [_prove("t", w.c("False"), w.c("True.intro"))]),
        _lie("another statement", "kernel", lambda w: [_aside(w)]),
        _lie("a number", "kernel", lambda w: [_prove("t", w.c("False"), w.nat(0))]),
        _lie("a text", "kernel", lambda w: [_prove("t", w.c("False"), w.s.text("proof"))]),
        _lie("a definition of the statement", "kernel",
             lambda w: [_declare("t", w.c("False"), w.c("True.intro"))]),
        _lie("the type is no type", "kernel", lambda w: [_prove("t", w.nat(0), w.nat(0))]),
        _lie("a False of its own", "kernel", lambda w: [
            _declare("False", w.sort(0), w.c("True")),
            _prove("t", w.c("False"), w.c("True.intro"))]),
        _lie("an inductive False of its own", "kernel", lambda w: [
            _block("False", w.sort(0), [("False.intro", w.c("False"))]),
            _prove("t", w.c("False"), w.c("False.intro"))]),
        _lie("a proof of itself", "elaborator", lambda w: [_prove("t", w.c("False"), w.c("t"))]),
        _lie("two proofs of each other", "elaborator", lambda w: [
            _prove("u", w.c("False"), w.c("t")), _prove("t", w.c("False"), w.c("u"))]),
        _lie("an axiom", "axiom", lambda w: [
            Axiom(name("u"), (), w.c("False")), _prove("t", w.c("False"), w.c("u"))]),
        _lie("the asked name is an axiom", "axiom", lambda w: [Axiom(name("t"), (), w.c("False"))]),
        _lie("an axiom beside an honest proof", "axiom", lambda w: [
            Axiom(name("u"), (), w.c("False")), _aside(w)], TRUE),
        _lie("sorry", "sorry", lambda w: [_prove("t", w.c("False"), _sorry(w))]),
        _lie("sorry under another name", "sorry", lambda w: [
            _prove("propext", w.c("False"), _sorry(w)), _prove("t", w.c("False"), w.c("propext"))]),
        _lie("sorry in an opaque constant", "sorry", lambda w: [
            Opaque(name("u"), (), w.c("False"), value=_sorry(w)),
            _prove("t", w.c("False"), w.c("u"))]),
        _lie("sorry in a type that is not needed", "sorry",
             lambda w: [_aside(w, w.app(w.c("sorryAx", 2), w.sort(1), w.c("Bool.true")))], TRUE),
        _lie("lcProof", "axiom kernel", lambda w: [
            _prove("t", w.c("False"), w.app("lcProof", w.c("False")))]),
        _lie("lcUnreachable", "axiom kernel", lambda w: [
            _prove("t", w.c("False"), w.app(w.c("lcUnreachable", 0), w.c("False")))]),
        _lie("unsafeCast", "axiom kernel", lambda w: [_prove("t", w.c("False"), w.app(
            w.c("unsafeCast", 0, 0), w.c("True"), w.c("False"), w.c("True.intro")))]),
        _lie("a fact of compiled code", "kernel axiom", lambda w: [
            _declare("d", w.c("Bool"), w.c("Bool.true")),
            _prove("t", w.eq(w.c("Bool"), w.c("d"), w.c("Bool.true")), w.app(
                "Lean.ofReduceBool", w.c("d"), w.c("Bool.true"),
                w.refl(w.c("Bool"), w.c("Bool.true"))))]),
        _lie("an absent private name", "kernel", lambda w: [
            _aside(w, w.s.const(ABSENT))], TRUE),
        _lie("an absent private name declared, and the library's own word on it", "kernel",
             lambda w: [_declare(ABSENT, w.sort(0), w.c("True")), _prove("t", w.c("False"), w.app(
                 "Lean.Syntax.getHeadInfo?.match_1.eq_1", w.s.const(ABSENT)))]),
        _lie("a name of ours", "elaborator", lambda w: [_aside(w, w.s.const(("_aludel", "asked")))],
             TRUE),
        _lie("a name of ours declared", "elaborator", lambda w: [
            _prove(("_aludel", 0, 0), w.c("True"), w.c("True.intro")), _aside(w)], TRUE),
        _lie("addition of its own", "kernel", lambda w: _own_addition(w), SUM),
        _lie("numerals of its own", "kernel", lambda w: _own_numerals(w), SUM),
        _lie("equality of its own", "kernel", lambda w: _own_equality(w), SUM),
        _lie("a recursor of its own", "kernel", lambda w: [
            _declare("False.rec", w.sort(0), w.c("True")),
            _prove("t", w.c("False"), w.app(w.c("False.rec", 0), w.c("True.intro")))]),
        _lie("a recursor beside its type", "kernel elaborator", lambda w: [
            _block("T", w.sort(0), []), _declare("T.rec", w.c("True"), w.c("True.intro")),
            _prove("t", w.c("False"), w.c("T.rec"))]),
        _lie("more levels than declared", "kernel", lambda w: [
            _aside(w, w.app(w.c("PUnit", 1, 1)))], TRUE),
        _lie("fewer levels than declared", "kernel", lambda w: [_aside(w, w.c("PUnit"))], TRUE),
        _lie("universes more than asked", "statement_mismatch", lambda w: [
            _prove("t", w.c("True"), w.c("True.intro"), "u")], TRUE),
        _lie("a theorem that is none", "kernel", lambda w: [
            _prove("u", w.c("Nat"), w.nat(0)), _aside(w, w.app(w.c("Fin"), w.c("u")))], TRUE),
        _lie("a wrong let", "kernel", lambda w: [
            _prove("t", w.c("True"), w.let(w.c("False"), w.c("True.intro"),
                                           lambda _: w.c("True.intro")))], TRUE),
        _lie("a projection out of a proof", "kernel", lambda w: [
            _prove("t", w.c("False"), w.s.proj(name("True"), 0, w.c("True.intro")))]),
        _lie("a projection past the fields", "kernel", lambda w: [
            _prove("t", w.c("False"), w.s.proj(name("And"), 60_000, _pair(w)))]),
        _lie("a projection of another structure", "kernel", lambda w: [
            _prove("t", w.c("False"), w.s.proj(name("Iff"), 0, _pair(w)))]),
        _lie("a projection of what is no structure", "kernel", lambda w: [
            _prove("t", w.c("False"), w.s.proj(name("Nat"), 0, w.nat(0)))]),
        _lie("too many arguments", "kernel", lambda w: [
            _prove("t", w.c("True"), w.app("True.intro", w.c("True.intro")))], TRUE),
        _lie("numbers that nobody can write down", "kernel heartbeats memory", lambda w: [
            _prove("t", w.c("False"), w.refl(w.c("Nat"), _power(w, 2**40)))]),
        _lie("Type in Type", "kernel", lambda w: [
            _declare("U", w.sort(1), w.sort(1)), _aside(w, w.c("U"))], TRUE),
    ]  # fmt: skip


def _sorry(w: World) -> Term:
    return w.app(w.c("sorryAx", 0), w.c("False"), w.c("Bool.true"))


def _pair(w: World) -> Term:
    true, proof = w.c("True"), w.c("True.intro")
    return w.app("And.intro", true, true, proof, proof)


def _power(w: World, exponent: int) -> Term:
    return w.app("Nat.pow", w.nat(2), w.nat(exponent))


def _own_addition(w: World) -> list[Declaration]:
    nat = w.c("Nat")
    five = w.lam([nat, nat], lambda _x, _y: w.nat(5))
    goal = w.eq(nat, w.app("Nat.add", w.nat(2), w.nat(2)), w.nat(5))
    return [
        _declare("Nat.add", w.arrow(nat, nat, nat), five),
        _prove("t", goal, w.refl(nat, w.nat(5))),
    ]


def _own_numerals(w: World) -> list[Declaration]:
    """``Nat`` of one value: its literals would all be equal."""
    nat = w.c("Nat")
    block = _block("Nat", w.sort(1), [("Nat.zero", nat)])
    return [block, _prove("t", w.eq(nat, w.nat(4), w.nat(5)), w.refl(nat, w.c("Nat.zero")))]


def _own_equality(w: World) -> list[Declaration]:
    nat, four, five = w.c("Nat"), w.nat(4), w.nat(5)
    sort = w.sort("u")
    every = w.lam([sort, lambda a: a, lambda a, _: a], lambda _a, _x, _y: w.c("True"))
    type_ = w.pi([sort, lambda a: a, lambda a, _: a], lambda _a, _x, _y: w.sort(0))
    return [
        _declare("Eq", type_, every, "u"),
        _prove("t", w.eq(nat, four, five), w.c("True.intro")),
    ]


def _blocks() -> list[Lie]:
    """Inductive types: beside them, the proof of ``True`` is right."""

    def beside(title: str, make: Callable[[World], Declaration]) -> Lie:
        return _lie(title, "kernel", lambda w: [make(w), _aside(w, w.c("T"))], TRUE)

    def one(make: Callable[[World, Term], Term], count: int = 0) -> Callable[[World], Declaration]:
        return lambda w: _block("T", w.sort(1), [("T.mk", make(w, w.c("T")))], count)

    return [
        beside("a negative occurrence", one(lambda w, t: w.arrow(w.arrow(t, w.c("False")), t))),
        beside("an occurrence left of two arrows",
               one(lambda w, t: w.arrow(w.arrow(w.arrow(t, w.c("Nat")), w.c("Nat")), t))),
        beside("a negative occurrence in another type",
               one(lambda w, t: w.arrow(w.app(w.c("Option", 0), w.arrow(t, w.c("Nat"))), t))),
        beside("a field too large", one(lambda w, t: w.arrow(w.sort(1), t))),
        beside("a constructor of another type", one(lambda w, _t: w.c("Nat"))),
        beside("a constructor that is no type", one(lambda w, _t: w.nat(0))),
        beside("more parameters than arguments", one(lambda _w, t: t, 3)),
        beside("a type that is no sort", lambda w: _block("T", w.c("Nat"), [])),
        beside("a constructor's field of no type", one(lambda w, t: w.arrow(w.nat(0), t))),
        _lie("two constructors of one name", "elaborator", lambda w: [
            _block("T", w.sort(1), [("T.mk", w.c("T")), ("T.mk", w.c("T"))]),
            _aside(w, w.c("T"))], TRUE),
        _lie("a constructor called as its type", "elaborator", lambda w: [
            _block("T", w.sort(1), [("T", w.c("T"))]), _aside(w, w.c("T"))], TRUE),
        _lie("the asked name is a constructor", "statement_mismatch", lambda w: [
            _block("T", w.sort(0), [("t", w.c("T"))])]),
        _lie("data out of a proposition", "kernel", lambda w: _out_of_proposition(w)),
        _lie("the empty type eliminated by another's recursor", "kernel", lambda w: [
            _block("T", w.sort(0), []), _prove("t", w.c("False"), w.app(
                w.c("T.rec", 0), w.lam(w.c("True"), lambda _: w.c("False")), w.c("True.intro")))]),
    ]  # fmt: skip


def _out_of_proposition(w: World) -> list[Declaration]:
    """Two proofs are equal; what large elimination makes of them would not be."""
    t = w.c("T")
    block = _block("T", w.sort(0), [("T.a", t), ("T.b", t)])
    motive = w.lam(t, lambda _: w.sort(0))
    cases = (motive, w.c("True"), w.c("False"), w.c("T.a"))
    return [block, _prove("t", w.app(w.c("T.rec", 2), *cases), w.c("True.intro"))]


def _odd_tables() -> list[Lie]:
    """Tables that are spoilt entry by entry, from an honest proof of ``True``."""

    def spoilt(title: str, spoil: Callable[[Raw], object], expect: str = "elaborator") -> Lie:
        tables: Raw = {
            "names": [None, [0, "t"], [0, "True"], [2, "intro"]],
            "levels": [["z"]],
            "exprs": [["c", 2], ["c", 3]],
            "declarations": [["thm", 1, [], 0, 1]],
        }
        spoil(tables)
        return Lie(title, frozenset(expect.split()), {"terms": tables}, TRUE)

    def put(table: str, index: int, entry: object) -> Callable[[Raw], object]:
        return lambda t: t[table].__setitem__(index, entry)

    return [
        spoilt("a forward index", put("exprs", 1, ["a", 2, 0])),
        spoilt("a loose variable", put("exprs", 1, ["b", 0])),
        spoilt("an argument too many", put("exprs", 1, ["a", 0, 0, 0])),
        spoilt("no words", put("exprs", 1, [])),
        spoilt("a metavariable", put("exprs", 1, ["mvar", 1])),
        spoilt("a level of nothing", put("levels", 0, ["m", 0, 0])),
        spoilt("a level that is not declared", lambda t: (
            put("levels", 0, ["p", 1])(t), put("exprs", 1, ["s", 0])(t))),
        spoilt("half a surrogate pair", put("exprs", 1, ["t", "\ud800"]), "error"),
        spoilt("a literal of six million digits", put("exprs", 1, ["n", "9" * 6_000_000])),
        spoilt("a negative literal", put("exprs", 1, ["n", "-1"])),
        spoilt("a field's index beyond all words", put("exprs", 1, ["j", 2, 2**64, 0])),
        spoilt("an unsafe definition", put("declarations", 0, ["unsafe", 1, [], 0, 1, 0])),
        spoilt("recursors of its own", lambda t: t["declarations"].insert(
            0, ["rec", 1, [], 0, [], True])),
        spoilt("an unsafe flag on an axiom", put("declarations", 0, ["axm", 1, [], 0, True])),
        spoilt("no tables", lambda t: t.clear()),
        spoilt("very deep terms", lambda t: t["exprs"].extend(
            ["a", n, 0] for n in range(1, 25_000))),
        spoilt("very deep levels", lambda t: t["levels"].extend(["s", n] for n in range(5_000))),
        spoilt("very deep names", lambda t: t["names"].extend([n, "x"] for n in range(5_000))),
        spoilt("more entries than any proof has", lambda t: t["exprs"].extend(
            [["b", 0]] * 600_001)),
        spoilt("what is not mentioned may be anything", lambda t: (
            t["exprs"].append(["b", 7]), t["names"].append([0, "sorryAx"])), "accepted"),
        spoilt("much that is shared", lambda t: _doubled(t), "accepted memory second_kernel"),
    ]  # fmt: skip


def _doubled(tables: Raw) -> None:
    """``True`` after propositions whose trees have 2^60 leaves."""
    tables["names"] += [[0, "And"], [0, "x"]]
    tables["exprs"] += [["c", 4], ["a", 2, 0]]
    last = 0
    for _ in range(60):
        half = len(tables["exprs"])
        tables["exprs"] += [["a", 2, last], ["a", half, last]]
        last = half + 1
    count = len(tables["exprs"])
    tables["levels"] = [["z"]]
    tables["exprs"] += [["s", 0], ["l", 5, count, 1, 0], ["a", count + 1, last]]
    tables["declarations"] = [["thm", 1, [], 0, count + 2]]


def _odd_claims() -> list[Lie]:
    """What is said beside the tables."""

    def said(title: str, expect: str, asked: str | None = FALSE, /, **claim: Any) -> Lie:
        return Lie(title, frozenset(expect.split()), claim, asked)

    empty: Raw = {"names": [None], "levels": [], "exprs": [], "declarations": []}
    return [
        said("accepted, and no tables", "memory", terms=None),
        said("tables that are a word", "elaborator", terms="accepted"),
        said("tables of nothing", "missing_declaration", terms=empty),
        said("tables of nothing, and nothing asked", "elaborator missing_declaration", None,
             terms=empty),
        said("axioms none, a proof of another theorem", "kernel"),
        said("other imports", "elaborator error", imports=["Init", "Std"]),
        said("positions off the text", "elaboration error", TRUE, diagnostics=[
            {"severity": "error", "message": "x", "start": [0, -7], "end": [10**30, 10**30]}]),
        said("half a surrogate pair in words", "error", TRUE, diagnostics=[
            {"severity": "error", "message": "\ud800", "start": None, "end": None}]),
        said("a match of another kind", "error", TRUE, statement={
            "name": "t", "declared": True, "match": "proved", "expected": "", "found": ""}),
        said("another name is said to be asked", "missing_declaration error", TRUE, statement={
            "name": "u", "declared": True, "match": "identical", "expected": "", "found": ""},
            declarations=[{"name": "u", "kind": "theorem"}], terms={
                "names": [None, [0, "u"], [0, "True"], [2, "intro"]], "levels": [],
                "exprs": [["c", 2], ["c", 3]], "declarations": [["thm", 1, [], 0, 1]]}),
        said("a disagreement of kernels: K3", "kernel_disagreement", None, terms=_k3()),
    ]  # fmt: skip


def _k3() -> Raw:
    """Declarations that Lean's kernel accepts, and with them a proof of ``False``."""
    path = Path(__file__).parents[1] / "kernel" / "k3.json"
    found: Raw = json.loads(path.read_text(encoding="utf-8"))
    return found
