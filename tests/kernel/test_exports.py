"""Exports written, read again, and tampered with; and comparison of two of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from kernel_world import World

from aludel.cli.compare import command as compare_command
from aludel.cli.kernel import command as kernel_command
from aludel.lean_kernel.api import check_export
from aludel.lean_kernel.compare import compare
from aludel.lean_kernel.environment import Constructor, Environment, Recursor
from aludel.lean_kernel.names import name
from aludel.lean_kernel.terms import Term
from aludel.lean_kernel.writer import write_export

Change = Callable[[dict[str, Any]], object]


def lines(env: Environment) -> list[str]:
    names = [n for n, c in env.own.items() if not isinstance(c, Constructor | Recursor)]
    return list(write_export(env, names))


def library() -> World:
    w = World().logic().lists().quotients()
    tree, lst = w.c("Tree"), w.app(w.c("List", 0), w.c("Tree"))
    w.inductive("Tree", w.sort(1), [("Tree.node", w.arrow(lst, tree))])
    return w


def test_what_is_written_is_read_and_accepted() -> None:
    w = library()
    w.theorem("t", w.c("True"), w.c("True.intro"))
    found = check_export(lines(w.env))
    assert found.accepted, found
    assert found.declarations == len(
        [c for c in w.env.own.values() if not isinstance(c, Constructor | Recursor)]
    )


def tampered(block: str, change: Change) -> str:
    """The rule that is broken after a change to the block that declares a type."""
    out = []
    w = library()
    names: dict[int, str] = {}
    for line in lines(w.env):
        j = json.loads(line)
        if "in" in j and "str" in j:
            prefix = names.get(j["str"]["pre"], "")
            names[j["in"]] = f"{prefix}.{j['str']['str']}".lstrip(".")
        if "inductive" in j and names[j["inductive"]["types"][0]["name"]] == block:
            change(j["inductive"])
            line = json.dumps(j)
        out.append(line)
    found = check_export(out)
    assert found.exit_code in (0, 1), found
    return found.rule or found.verdict


def rec(block: dict[str, Any], i: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = block["recs"][i]
    return found


@pytest.mark.parametrize(
    ("block", "change", "rule"),
    [
        ("Nat", lambda b: None, "accepted"),
        ("Nat", lambda b: b.update(recs=[]), "accepted"),
        ("Nat", lambda b: rec(b).update(k=True), "claim"),
        ("Eq", lambda b: rec(b).update(k=False), "claim"),
        ("False", lambda b: rec(b).update(k=True), "claim"),
        ("Nat", lambda b: rec(b)["rules"].reverse(), "claim"),
        ("Nat", lambda b: rec(b)["rules"].pop(), "claim"),
        ("Bool", lambda b: rec(b)["rules"][0].update(rhs=rec(b)["rules"][1]["rhs"]), "claim"),
        ("Nat", lambda b: rec(b)["rules"][1].update(nfields=0), "claim"),
        ("Nat", lambda b: rec(b).update(numMinors=1), "claim"),
        ("Nat", lambda b: rec(b).update(numMotives=2), "claim"),
        ("Nat", lambda b: rec(b).update(numIndices=1), "claim"),
        ("Nat", lambda b: rec(b).update(type=b["types"][0]["type"]), "claim"),
        ("Nat", lambda b: rec(b).update(levelParams=[]), "claim"),
        ("Nat", lambda b: rec(b).update(name=b["types"][0]["name"]), "claim"),
        ("Nat", lambda b: rec(b).update(all=[]), "claim"),
        ("Nat", lambda b: b["recs"].append(rec(b)), "claim"),
        ("Nat", lambda b: b["ctors"][1].update(numFields=0), "claim"),
        ("Nat", lambda b: b["ctors"][1].update(cidx=0), "claim"),
        ("Nat", lambda b: b["ctors"][1].update(numFields=(1 << 32) + 1), "number"),
        ("Nat", lambda b: b["ctors"][1].update(induct=0), "block"),
        ("Nat", lambda b: b["ctors"].pop(), "block"),
        ("Nat", lambda b: b["types"][0].update(numIndices=1), "claim"),
        ("Eq", lambda b: b["types"][0].update(numParams=1), "claim"),
        ("Tree", lambda b: b["recs"].reverse(), "accepted"),
        ("Tree", lambda b: rec(b, 1).update(name=rec(b, 0)["name"]), "claim"),
        ("Prod", lambda b: b["types"][0].update(levelParams=[1, 1]), "block"),
    ],
)
def test_what_is_sent_is_what_is_built(block: str, change: Change, rule: str) -> None:
    assert tampered(block, change) == rule


@pytest.mark.parametrize(
    ("line", "verdict", "rule"),
    [
        ('{"meta":{"format":{"version":"2.0.0"}}}', "declined", ""),
        ('{"in":1,"str":{"pre":0,"str":"a"}}', "rejected", "export"),
        ("{", "rejected", "json"),
        ('{"meta":{"format":{"version":"3.1.0"}}}\n{"ie":0,"bvar":-1}', "rejected", "number"),
        (
            '{"meta":{"format":{"version":"3.1.0"}}}\n{"ie":0,"app":{"fn":0,"arg":0}}',
            "rejected",
            "index",
        ),
        ('{"meta":{"format":{"version":"3.1.0"}}}\n{"ie":0,"natVal":"01"}', "rejected", "numeral"),
        (
            '{"meta":{"format":{"version":"3.1.0"}}}\n{"ie":0,"strVal":"\\ud800"}',
            "rejected",
            "text",
        ),
        ('{"meta":{"format":{"version":"3.1.0"}}}\n{"what":{}}', "rejected", "declaration"),
        ('{"meta":{"format":{"version":"3.1.0"}}}\n{"axiom":{"name":0}}', "rejected", "export"),
        ('{"meta":{"format":{"version":"3.1.0"}}}\n{"il":1,"max":[0]}', "rejected", "export"),
        ("", "rejected", "export"),
    ],
)
def test_what_is_no_export(line: str, verdict: str, rule: str) -> None:
    found = check_export(line.split("\n"))
    assert (found.verdict, found.rule) == (verdict, rule), found


def test_two_constants_of_one_name() -> None:
    w = World()
    w.axiom("p", w.sort(0))
    out = lines(w.env)
    assert check_export([*out, out[-1]]).rule == "name_taken"


# comparison


def iff(w: World, at: int = 0) -> None:
    prop = w.sort(0)
    mk = w.pi([prop, prop], lambda a, b: w.arrow(w.arrow(a, b), w.arrow(b, a), w.app("Iff", a, b)))
    w.inductive("Iff", w.arrow(prop, prop, prop), [("Iff.intro", mk)], 2)
    given = [prop, prop, lambda a, b: w.app("Iff", a, b)]
    result = w.c("False") if at else None
    w.axiom("propext", w.pi(given, lambda a, b, _: result or w.eq(prop, a, b)))


def challenge(double: int = 2) -> World:
    """`double`, and a theorem about it without a proof."""
    w = World().logic()
    nat = w.c("Nat")
    w.define("k", nat, w.nat(double))
    w.axiom("sorryAx", w.pi(w.sort(0), lambda p: p))
    goal = w.eq(nat, w.c("k"), w.nat(2))
    w.theorem("t", goal, w.app("sorryAx", goal))
    return w


def solution(
    k: int = 2, name_: str = "t", proof: Callable[[World, Term], Term] | None = None, at: int = 0
) -> World:
    w = World().logic()
    nat = w.c("Nat")
    w.define("k", nat, w.nat(k))
    iff(w, at)
    goal = w.eq(nat, w.c("k"), w.nat(k))
    w.theorem(name_, goal, proof(w, goal) if proof else w.refl(nat, w.nat(k)))
    return w


def with_axiom(n: str) -> Callable[[World, Term], Term]:
    def proof(w: World, goal: Term) -> Term:
        return w.axiom(n, goal)

    return proof


def by_propext(w: World, goal: Term) -> Term:
    true = w.c("True")
    same = w.app("Iff.intro", true, true, w.lam(true, lambda x: x), w.lam(true, lambda x: x))
    value = w.app("propext", true, true, same)
    type_ = w.eq(w.sort(0), true, true)
    dropped = w.lam(type_, lambda _: w.refl(w.c("Nat"), w.nat(2)))
    return w.app(dropped, value)


def by_false(w: World, goal: Term) -> Term:
    true, x = w.c("True"), w.lam(w.c("True"), lambda x: x)
    wrong = w.app("propext", true, true, w.app("Iff.intro", true, true, x, x))
    return w.app(w.c("False.rec", 0), w.lam(w.c("False"), lambda _: goal), wrong)


def own_sorry(w: World, goal: Term) -> Term:
    w.axiom("sorryAx", w.pi(w.sort(0), lambda p: p))
    return w.app("sorryAx", goal)


@pytest.mark.parametrize(
    ("made", "allowed", "rule"),
    [
        (solution(), ["propext"], "accepted"),
        (solution(3), ["propext"], "statement"),
        (solution(2, "other"), ["propext"], "solution"),
        (solution(proof=with_axiom("cheat")), ["propext"], "axiom"),
        (solution(proof=with_axiom("propext2")), ["propext"], "axiom"),
        (solution(proof=by_propext), ["propext"], "accepted"),
        (solution(proof=by_propext), [], "axiom"),
        (solution(proof=by_false, at=1), ["propext"], "axiom"),
        (solution(proof=own_sorry), ["propext"], "axiom"),
    ],
)
def test_comparison(made: World, allowed: list[str], rule: str) -> None:
    found = compare(
        lines(challenge().env), lines(made.env), [name("t")], [name(n) for n in allowed]
    )
    assert (found.outcome.rule or found.outcome.verdict) == rule, found


def test_the_closure_of_a_statement_counts() -> None:
    """`k` is another number in the solution, and the statement reads the same."""
    w = World().logic()
    nat = w.c("Nat")
    w.define("k", nat, w.nat(2))
    w.opaque("hidden", nat, w.c("k"))
    goal = w.eq(nat, w.c("hidden"), w.c("hidden"))
    w.theorem("t", goal, w.refl(nat, w.c("hidden")))
    stated = lines(w.env)
    other = World().logic()
    other.define("k", other.c("Nat"), other.nat(3))
    other.opaque("hidden", other.c("Nat"), other.c("k"))
    g = other.eq(other.c("Nat"), other.c("hidden"), other.c("hidden"))
    other.theorem("t", g, other.refl(other.c("Nat"), other.c("hidden")))
    found = compare(stated, lines(other.env), [name("t")])
    assert found.outcome.rule == "closure"
    assert compare(stated, stated, [name("t")]).outcome.accepted
    assert compare(stated, stated, [name("nothing")]).outcome.rule == "challenge"
    assert compare(stated, stated, []).outcome.rule == "names"


def test_an_ill_typed_solution_is_refused_as_a_whole() -> None:
    out = lines(solution().env)
    good = [json.loads(line) for line in out]
    last = good[-1]["thm"]
    last["value"] = last["type"]
    found = compare(lines(challenge().env), map(json.dumps, good), [name("t")])
    assert found.outcome.rule == "value_type"
    assert found.outcome.message.startswith("solution: t: ")
    assert found.theorems == ()


def test_command_line(tmp_path: Path) -> None:
    stated, proved = tmp_path / "c.ndjson", tmp_path / "s.ndjson"
    stated.write_text("\n".join(lines(challenge().env)))
    proved.write_text("\n".join(lines(solution().env)))
    runner = CliRunner()
    found = runner.invoke(kernel_command, [str(stated), "--json"], standalone_mode=False)
    answer = json.loads(found.stdout)
    assert (found.return_value, answer["verdict"], answer["axioms"]) == (0, "accepted", ["sorryAx"])
    found = runner.invoke(kernel_command, [str(stated), "--steps", "10"], standalone_mode=False)
    assert (found.return_value, found.stdout) == (2, "out of budget: steps\n")
    arguments = [str(stated), str(proved), "--theorems", "t"]
    found = runner.invoke(compare_command, arguments, standalone_mode=False)
    assert (found.return_value, found.stdout) == (0, "t: proved; axioms none\n")
    found = runner.invoke(compare_command, [*arguments[:3], "t,k", "--json"], standalone_mode=False)
    answer = json.loads(found.stdout)
    assert (found.return_value, answer["rule"]) == (1, "challenge")
    assert [t["verdict"] for t in answer["theorems"]] == ["accepted", "rejected"]
