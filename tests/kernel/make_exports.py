"""Writes the exports of `tests/attacks/exports`: ``python tests/kernel/make_exports.py``.

A case is what `test_rules` has for a rule, or a function below. It is built with the rule that it
breaks switched off, or not checked at all, and written with nothing that it does not need.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from export_cases import (
    Build,
    assumed_sort,
    compiled,
    data_in_a_proposition,
    elimination_at,
    endless,
    helper_name,
    imax_zero,
    inhabited_stuck_sort,
    loose,
    max_zero,
    not_transitive,
    opaque_sort,
    own_quotient,
    second_field,
    sort_as,
    text_of_a_number,
    texts,
    wrong_sum,
)
from kernel_world import World
from test_exports import library
from test_rules import CASES

from aludel.lean_kernel.axioms import uses
from aludel.lean_kernel.environment import (
    Constructor,
    Inductive,
    Quotient,
    Recursor,
)
from aludel.lean_kernel.names import Name, name
from aludel.lean_kernel.terms import constants_of
from aludel.lean_kernel.writer import write_export

EXPORTS = Path(__file__).parents[1] / "attacks" / "exports"

Lines = Callable[[], list[str]]


# How a case is written


def built(build: Build, *off: str) -> Lines:
    """What `build` adds to a small library, with what it needs of it."""

    def make() -> list[str]:
        w = World(*off).logic().lists()
        known = set(w.env.own)
        build(w)
        changed = [n for n in w.env.own if n not in known]
        return list(write_export(w.env, needed(w, changed)))

    return make


def rule(switch: str) -> Lines:
    """The case of `test_rules` for a rule."""
    return built(CASES[switch][1], switch)


def needed(w: World, names: list[Name]) -> list[Name]:
    """Constants that stand for declarations, in order: these, and all that they rest on."""
    found: set[Name] = set()
    todo = [*names]
    while todo:
        n = declared_with(w, todo.pop())
        if n in found or w.env.find(n) is None:
            continue
        found.add(n)
        todo += uses(w.env, w.env.get(n))
        if isinstance(c := w.env.get(n), Inductive):
            whole = [w.env.get(t) for t in c.block]
            inner = [k for t in whole if isinstance(t, Inductive) for k in t.constructors]
            todo += [m for k in [*c.block, *inner] for m in constants_of(w.env.get(k).type)]
        if isinstance(w.env.get(n), Quotient):
            todo.append(name("Eq"))
    return [n for n in w.env.own if n in found]


def declared_with(w: World, n: Name) -> Name:
    c = w.env.find(n)
    if isinstance(c, Constructor):
        c = w.env.get(c.inductive)
    return c.block[0] if isinstance(c, Inductive | Recursor) else n


def changed(make: Lines, key: str, change: Callable[[dict[str, Any]], object]) -> Lines:
    """An export in which the last entry with a key is another."""

    def made() -> list[str]:
        lines = make()
        at = max(i for i, line in enumerate(lines) if key in json.loads(line))
        entry = json.loads(lines[at])
        change(entry[key])
        return [*lines[:at], json.dumps(entry), *lines[at + 1 :]]

    return made


def then(make: Lines, *more: str) -> Lines:
    return lambda: [*make(), *more]


def deep() -> list[str]:
    lines = ['{"meta":{"format":{"version":"3.1.0"}}}']
    return lines + [f'{{"il":{i},"succ":{i - 1}}}' for i in range(1, 2_100)]


def nat_block(change: Callable[[dict[str, Any]], object]) -> Lines:
    return changed(built(lambda w: w.define("n", w.c("Nat"), w.c("Nat.zero"))), "inductive", change)


def recursor(**fields: Any) -> Lines:
    return nat_block(lambda block: block["recs"][0].update(fields))


def proj(**fields: Any) -> Lines:
    return changed(built(second_field), "proj", lambda entry: entry.update(fields))


FAMILIES: dict[str, tuple[str, dict[str, tuple[Lines, str, str]]]] = {
    # family: the rule, and cases: the export, what our kernel says, and what Lean's says, if asked.
    # That of this version does not check what nested types drop (lean4 pull request 14577).
    "stuck_sorts": (
        "Whether something is a proposition needs a sort; one that is stuck is an error.",
        {
            "a type in an opaque sort": (built(opaque_sort), "sort", "rejected"),
            "a type in an assumed sort": (built(assumed_sort), "sort", "rejected"),
            "a type of a stuck sort": (built(inhabited_stuck_sort), "sort", "rejected"),
        },
    ),
    "spellings_of_zero": (
        "Every spelling of level zero is zero; each type of a block is held to its own level.",
        {
            "data out of imax 1 0": (rule("semantic_zero"), "prop_projection", "rejected"),
            "telling cases of imax 1 0 apart": (
                built(elimination_at(imax_zero), "large_elimination"), "claim", "rejected"),
            "a small type beside a large one": (
                rule("block_universe"), "block_universe", "rejected"),
        },
    ),
    "levels": (
        "Comparison of levels is complete, and offsets are kept.",
        {
            "u is not v": (rule("levels_equal"), "value_type", "rejected"),
            "max u v is not imax u v": (
                built(sort_as(lambda w: w.s.imax(w.level("u"), w.level("v")),
                              lambda w: w.s.max(w.level("u"), w.level("v")))),
                "value_type", "rejected"),
            "max u 1 is not u": (
                built(sort_as(lambda w: w.level("u"), lambda w: w.s.max(w.level("u"), w.s.one))),
                "value_type", "rejected"),
            "u + 1 is not max u 1": (
                built(sort_as(lambda w: w.s.max(w.level("u"), w.s.one),
                              lambda w: w.s.succ(w.level("u")))), "value_type", "rejected"),
        },
    ),
    "pairs": (
        "Equality is asked of a pair; nothing follows from what was asked before.",
        {"equal to the middle, not to the end": (built(not_transitive), "value_type", "rejected")},
    ),
    "recursors": (
        "Recursors and their rules are built, and what was sent is compared with them.",
        {
            "rules exchanged": (
                nat_block(lambda b: b["recs"][0]["rules"].reverse()), "claim", ""),
            "a rule missing": (nat_block(lambda b: b["recs"][0]["rules"].pop()), "claim", ""),
            "a rule with another value": (
                nat_block(lambda b: b["recs"][0]["rules"][1].update(
                    rhs=b["recs"][0]["rules"][0]["rhs"])), "claim", ""),
            "fields of a rule": (
                nat_block(lambda b: b["recs"][0]["rules"][1].update(nfields=0)), "claim", ""),
            "fields of a constructor": (
                nat_block(lambda b: b["ctors"][1].update(numFields=0)), "claim", ""),
            "motives": (recursor(numMotives=2), "claim", ""),
            "minor premises": (recursor(numMinors=1), "claim", ""),
            "indices": (recursor(numIndices=1), "claim", ""),
            "another type": (
                nat_block(lambda b: b["recs"][0].update(type=b["types"][0]["type"])), "claim", ""),
        },
    ),
    "nested_types": (
        "Parameters dropped while nesting is eliminated are checked; helpers' names are free.",
        {
            "a parameter of the wrong type": (rule("nested_params"), "argument_type", "accepted"),
            "a parameter that varies": (rule("nested_uniform"), "nested_uniform", "accepted"),
            "types named as helpers": (built(helper_name), "accepted", "accepted"),
        },
    ),
    "projections": (
        "A projection is of the type's own structure, its index is a number, and no data leaves a "
        "proposition.",
        {
            "data out of a proposition": (rule("prop_projection"), "prop_projection", "rejected"),
            "of another structure": (rule("projection_name"), "projection", "rejected"),
            "of a field that is not there": (proj(idx=2), "projection", "rejected"),
            "of a field 2^32 further": (proj(idx=2**32 + 1), "projection", ""),
            "of a field that is there": (built(second_field), "accepted", "accepted"),
        },
    ),
    "variables": (
        "No free or loose variables; universe parameters are declared, once, and uniform.",
        {
            "a loose variable": (built(loose), "closed", ""),
            "a free variable": (
                then(built(lambda w: w.axiom("p", w.sort(0))), '{"ie":1,"fvar":1}'), "term", ""),
            "a parameter that is not declared": (rule("level_params"), "level_params", "rejected"),
            "a parameter declared twice": (rule("unique_params"), "unique_params", ""),
            "parameters that differ within a block": (
                nat_block(lambda b: b["types"][0].update(levelParams=[1])), "block", ""),
        },
    ),
    "large_elimination": (
        "A proposition eliminates into types only where its cases cannot be told apart.",
        {
            "two constructors": (rule("large_elimination"), "claim", "rejected"),
            "two constructors in max 0 of imax 1 0": (
                built(elimination_at(max_zero), "large_elimination"), "claim", "rejected"),
            "a constructor with data": (
                built(data_in_a_proposition, "large_elimination"), "claim", "rejected"),
        },
    ),
    "k": (
        "K reduces propositions of one constructor without fields, of the major premise's type.",
        {
            "a proof of another equation": (rule("k_type"), "value_type", "rejected"),
            "numbers said to be such": (recursor(k=True), "claim", ""),
        },
    ),
    "arithmetic": (
        "Literals are computed with only by operations whose equations hold.",
        {
            "Nat.add": (built(wrong_sum("Nat.add", 2, 3, 5)), "value_type", ""),
            "Nat.sub": (built(wrong_sum("Nat.sub", 5, 3, 2)), "value_type", ""),
            "Nat.mul": (built(wrong_sum("Nat.mul", 2, 3, 6)), "value_type", ""),
            "Nat.pow": (built(wrong_sum("Nat.pow", 2, 3, 8)), "value_type", ""),
            "Nat.gcd": (built(wrong_sum("Nat.gcd", 4, 6, 2)), "value_type", ""),
            "Nat.beq": (built(wrong_sum("Nat.beq", 3, 3, True)), "value_type", ""),
            "Nat.ble": (built(wrong_sum("Nat.ble", 2, 3, True)), "value_type", ""),
        },
    ),
    "texts": (
        "A text is the list of its characters, NUL and all, of a String made of them.",
        {
            "two texts": (built(texts("a", "b")), "value_type", "rejected"),
            "a text up to its NUL": (built(texts("a\0b", "a")), "value_type", "rejected"),
            "a String that is none": (built(text_of_a_number), "literal", ""),
            "a text with a NUL": (built(texts("a\0b", "a\0b")), "accepted", "accepted"),
        },
    ),
    "quotients": (
        "Quot is the library's, with its exact types and equality.",
        {
            "a Quot of another type": (rule("quotient_type"), "quotient", ""),
            "Quot as a definition": (built(own_quotient), "quotient", ""),
        },
    ),
    "opaque_constants": (
        "Opaque constants never unfold, and no compiled code runs.",
        {
            "an opaque number": (rule("opaque"), "value_type", "rejected"),
            "reduceBool": (built(compiled), "value_type", ""),
        },
    ),
    "level_counts": (
        "A constant with the wrong number of levels is an error.",
        {"a level less": (rule("level_count"), "level_count", "rejected")},
    ),
    "limits": (
        "Depth and steps are counted; running out decides nothing.",
        {
            "a loop of 10^9 rounds": (built(endless), "out_of_budget", ""),
            "a level 2,100 deep": (deep, "out_of_budget", ""),
        },
    ),
    "the_theory": (
        "The typing rules themselves.",
        {
            switch.replace("_", " "): (rule(switch), CASES[switch][0], "rejected")
            for switch in (
                "value_type", "argument_type", "let_type", "theorem_prop", "structure_eta",
                "unit_like", "index_occurrence", "field_universe", "positivity",
            )
        }
        | {
            "an unsafe axiom": (rule("unsafe"), "unsafe", ""),
            "a name twice": (
                then(built(lambda w: w.axiom("p", w.sort(0))),
                     '{"axiom":{"name":1,"levelParams":[],"type":0,"isUnsafe":false}}'),
                "name_taken", ""),
        },
    ),
    "honest": (
        "What has to be accepted.",
        {
            "a small library": (
                lambda: list(write_export((w := library()).env, needed(w, list(w.env.own)))),
                "accepted", ""),
        },
    ),
}  # fmt: skip


def main(folder: Path) -> None:
    """Write every family's exports, and what has to come of them."""
    for family, (row, cases) in FAMILIES.items():
        (folder / family).mkdir(parents=True, exist_ok=True)
        described: list[dict[str, Any]] = []
        for title, (make, expect, lean) in cases.items():
            file = title.replace(" ", "_").replace("^", "").replace(",", "") + ".ndjson"
            (folder / family / file).write_text("\n".join(make()) + "\n", encoding="utf-8")
            described.append({"file": file, "expect": expect, **({"lean": lean} if lean else {})})
        text = json.dumps({"family": family, "rule": row, "cases": described}, indent=1)
        (folder / family / "family.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else EXPORTS)
