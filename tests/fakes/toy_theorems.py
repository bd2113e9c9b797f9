"""Small theorems of a few kinds over random names: a distribution that a toy model can learn.

Most proofs name the theorem's own variables, so that a model has to read the statement; none is a
tactic that would close everything.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import NamedTuple

_KINDS = (
    ("({a} {b} : Nat) : {a} + {b} = {b} + {a}", "Nat.add_comm {a} {b}"),
    ("({a} {b} : Nat) : {a} * {b} = {b} * {a}", "Nat.mul_comm {a} {b}"),
    ("({a} {b} : Nat) : max {a} {b} = max {b} {a}", "Nat.max_comm {a} {b}"),
    ("({a} {b} {c} : Nat) : {a} + {b} + {c} = {a} + ({b} + {c})", "Nat.add_assoc {a} {b} {c}"),
    ("({p} {q} : Prop) ({h} : {p} ∧ {q}) : {q} ∧ {p}", "⟨{h}.2, {h}.1⟩"),
    ("({p} {q} : Prop) ({h} : {p}) : {p} ∨ {q}", "Or.inl {h}"),
    ("({p} {q} : Prop) ({h} : {p} → {q}) ({k} : {p}) : {q}", "{h} {k}"),
    ("({a} {b} : Nat) ({h} : {a} = {b}) : {b} = {a}", "{h}.symm"),
    ("({a} {b} {c} : Nat) ({h} : {a} < {b}) ({k} : {b} < {c}) : {a} < {c}", "Nat.lt_trans {h} {k}"),
)
_NAMES = {"a": "abcdmnxyz", "p": "pqrst", "h": "hkuvw"}


class Toy(NamedTuple):
    """A theorem: its header, and what stands after ``:=``."""

    name: str
    statement: str
    proof: str


def toys(count: int, seed: int) -> list[Toy]:
    """Return ``count`` theorems that differ in more than their names."""
    drawn = random.Random(seed)
    found: dict[str, Toy] = {}
    while len(found) < count:
        header, proof = drawn.choice(_KINDS)
        a, b, c = drawn.sample(_NAMES["a"], 3)
        p, q = drawn.sample(_NAMES["p"], 2)
        h, k = drawn.sample(_NAMES["h"], 2)
        names = {"a": a, "b": b, "c": c, "p": p, "q": q, "h": h, "k": k}
        shown = header.format(**names)
        name = f"toy_{len(found)}"
        found.setdefault(shown, Toy(name, f"theorem {name} {shown}", proof.format(**names)))
    return list(found.values())


def dataset(folder: Path, theorems: list[Toy]) -> Path:
    """Write them as an export of the recipe ``whole_proof``; return the folder."""
    path = folder / "data" / "whole_proof" / "train-00000-of-00001.jsonl"
    path.parent.mkdir(parents=True)
    rows = [
        {"name": t.name, "prompt": f"{t.statement} :=", "completion": f" {t.proof}\n"}
        for t in theorems
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder
