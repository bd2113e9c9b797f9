"""Exports changed at random: each gets one of the declared outcomes, and proves nothing new."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from kernel_world import World

from aludel.lean_kernel.api import Outcome, check_export
from aludel.lean_kernel.environment import Constructor, Recursor
from aludel.lean_kernel.names import name
from aludel.lean_kernel.writer import write_export

Entry = dict[str, Any]
STEPS = 300_000
OUTCOMES = {"accepted", "rejected", "not_shown_equal", "declined", "out_of_budget"}
HOSTILE: list[Any] = [
    None, True, -1, 0, 1, 1 << 31, 1 << 64, 0.5, float("inf"), "", "0", "\x00", "\ud800",
    "9" * 5000, [], {}, [[]], {"a": 1},
]  # fmt: skip


def _world() -> list[str]:
    w = World().logic()
    nat = w.c("Nat")
    pair = w.app(w.c("Prod.mk", 0, 0), nat, nat, w.nat(1), w.nat(2))
    second = w.s.proj(name("Prod"), 1, pair)
    w.theorem("p", w.eq(nat, second, w.nat(2)), w.refl(nat, w.nat(2)))
    level = w.s.max(w.level("u"), w.s.succ(w.level("v")))
    w.define("L", w.sort(w.s.succ(level)), w.sort(level), ["u", "v"])
    w.theorem("t", w.eq(nat, w.app("Nat.succ", w.nat(1)), w.nat(2)), w.refl(nat, w.nat(2)))
    made = [n for n, c in w.env.own.items() if not isinstance(c, Constructor | Recursor)]
    return list(write_export(w.env, made))


LINES = _world()


def places(value: Any) -> list[tuple[Any, Any]]:
    """Where something stands in an entry: what holds it, and its key there."""
    found: list[tuple[Any, Any]] = []
    todo = [value]
    while todo:
        one = todo.pop()
        for key, inner in one.items() if isinstance(one, dict) else enumerate(one):
            found.append((one, key))
            if isinstance(inner, dict | list):
                todo.append(inner)
    return found


def _replace(lines: list[str], rng: random.Random) -> None:
    """One value of one entry by another: near it, taken from elsewhere, or hostile."""
    i = rng.randrange(len(lines))
    if lines[i] not in LINES:  # broken by an earlier change
        return
    entry = json.loads(lines[i])
    holder, key = rng.choice(places(entry))
    old = holder[key]
    if type(old) is int and rng.random() < 0.7:
        holder[key] = old + rng.choice([-2, -1, 1, 2])
    elif type(old) is bool:
        holder[key] = not old
    else:
        holder[key] = rng.choice(HOSTILE)
    lines[i] = json.dumps(entry)


def _move(lines: list[str], rng: random.Random) -> None:
    """A line removed, repeated, or put elsewhere."""
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    line = lines[i] if rng.random() < 0.3 else lines.pop(i)
    if rng.random() < 0.7:
        lines.insert(j, line)


def _cut(lines: list[str], rng: random.Random) -> None:
    """A line broken off, or bytes of it exchanged."""
    i = rng.randrange(len(lines))
    at = rng.randrange(len(lines[i]))
    lines[i] = lines[i][:at] + rng.choice(["", "\x00", "}", "[" * 2000, lines[i][at + 1 :]])


CHANGES: list[Callable[[list[str], random.Random], None]] = [_replace, _replace, _move, _cut]


def changed(seed: int) -> list[str]:
    """The export after one to three changes."""
    rng = random.Random(seed)
    lines = list(LINES)
    for _ in range(rng.choice([1, 1, 2, 3])):
        rng.choice(CHANGES)(lines, rng)
    return lines


def check(seed: int) -> Outcome:
    found = check_export(changed(seed), STEPS)
    assert found.verdict in OUTCOMES, (seed, found)
    assert found.exit_code in (0, 1, 2)
    assert found.axioms == (), (seed, found)
    return found


def test_changed_exports_get_a_declared_outcome() -> None:
    verdicts = Counter(check(seed).verdict for seed in range(60))
    assert verdicts["rejected"] > 20, verdicts


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_many_changed_exports_get_a_declared_outcome() -> None:
    verdicts = Counter(check(seed).verdict for seed in range(1_000, 6_000))
    assert verdicts["rejected"] > 2_000, verdicts


def declared() -> list[tuple[int, str]]:
    """Theorems and recursors of the export: the line, and which."""
    found = []
    for i, line in enumerate(LINES):
        entry = json.loads(line)
        if "thm" in entry:
            found.append((i, "thm"))
        if entry.get("inductive", {}).get("recs"):
            found.append((i, "inductive"))
    return found


def _false() -> int:
    """The index of the term `False`."""
    names = {e["in"]: e["str"]["str"] for e in map(json.loads, LINES) if "str" in e}
    terms = [e for e in map(json.loads, LINES) if "const" in e]
    index: int = next(e["ie"] for e in terms if names.get(e["const"]["name"]) == "False")
    return index


def wrong_rule(entry: Entry) -> bool:
    """The right side of a rule replaced by the recursor's type. False: there is no rule."""
    rec = entry["inductive"]["recs"][0]
    for rule in rec["rules"]:
        rule["rhs"] = rec["type"]
    return bool(rec["rules"])


def test_changes_of_meaning_are_refused() -> None:
    """Every theorem as one of `False`, every rule, count and flag of every recursor."""
    tried = 0
    for i, kind in declared():
        for change in MEANINGS[kind]:
            entry = json.loads(LINES[i])
            if not change(entry):
                continue
            tried += 1
            found = check_export([*LINES[:i], json.dumps(entry), *LINES[i + 1 :]], STEPS)
            assert found.exit_code == 1, (i, kind, found)
    assert tried > 40


def _state_false(entry: Entry) -> bool:
    entry["thm"]["type"] = _false()
    return True


def _count(word: str) -> Callable[[Entry], bool]:
    def change(entry: Entry) -> bool:
        rec = entry["inductive"]["recs"][0]
        rec[word] = not rec[word] if word == "k" else rec[word] + 1
        return True

    return change


MEANINGS: dict[str, list[Callable[[Entry], bool]]] = {
    "thm": [_state_false],
    "inductive": [
        wrong_rule,
        *map(_count, ("k", "numParams", "numIndices", "numMotives", "numMinors")),
    ],
}
"""What changes the meaning of a declaration. False where there is nothing to change."""
