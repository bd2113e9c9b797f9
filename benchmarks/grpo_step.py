"""The time that a step of GRPO spends on rewards: 64 answers, judged by a service.

A step has 8 theorems with 8 answers each, as models write them: with a thought, prose and a fence.
In every group 3 are right, 3 wrong (one of them with ``sorry``), 1 is garbage and 1 is long.
``aludel serve`` is started as a user does; the first step follows ``/readyz`` at once, the next
ones have theorems of their own, and the last repeats the one before it, whose verdicts are
recorded.

Run: ``.venv/bin/python benchmarks/grpo_step.py``; the last line of stdout is a JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from rich.console import Console
from rich.table import Table
from serving import serving

from aludel.rewards import asked
from aludel.rl import make_reward

_GARBAGE = (
    "I am not able to prove this theorem.",
    "```lean\nimport Mathlib\n\nnlinarith [sq_nonneg (a - b), mul_pos ha hb\n```",
    "<think>" + "Let me think about it step by step. " * 200,
    "```python\nprint('Q.E.D.')\n```",
)


_REWARDS = (1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


class Problem(NamedTuple):
    """A theorem, with proofs that Lean accepts and some that it does not; {n} is a number."""

    statement: str
    right: tuple[str, str, str]
    wrong: tuple[str, str]


_PROBLEMS = (
    Problem(
        "theorem swap{n} (a b : Nat) : a + b + {n} = b + a + {n}",
        (
            "by omega",
            "by rw [Nat.add_comm a b]",
            "by\n  have h : a + b = b + a := Nat.add_comm a b\n  rw [h]",
        ),
        ("by rfl", "by simp [Nat.mul_comm]"),
    ),
    Problem(
        "theorem chain{n} (a b c : Nat) (h : a + {n} = b) (g : b = c) : a + {n} = c",
        ("by rw [h, g]", "h.trans g", "by\n  subst g\n  exact h"),
        ("by rw [g, h]", "by\n  subst h\n  linarith"),
    ),
    Problem(
        "theorem len{n} (a b : List Nat) : (a ++ b ++ [{n}]).length = 1 + a.length + b.length",
        (
            "by\n  simp only [List.length_append, List.length_singleton]\n  omega",
            "by\n  repeat rw [List.length_append]\n  rw [List.length_singleton]\n  omega",
            "by\n  rw [List.length_append, List.length_append]\n  show _ + 1 = _\n  omega",
        ),
        ("by simp", "by\n  induction a with\n  | nil => simp\n  | cons x xs ih => exact ih"),
    ),
    Problem(
        "theorem both{n} (p q r : Prop) (h : p ∧ q) (g : q → r) : {n} = {n} ∧ r ∧ p",
        (
            "⟨rfl, g h.2, h.1⟩",
            "by\n  obtain ⟨hp, hq⟩ := h\n  exact ⟨rfl, g hq, hp⟩",
            "by\n  constructor\n  · rfl\n  · exact ⟨g h.right, h.left⟩",
        ),
        ("by\n  constructor\n  · rfl\n  · exact ⟨h.1, g h.2⟩", "by tauto"),
    ),
    Problem(
        "theorem zero{n} (k : Nat) : 0 + k * {n} = k * {n}",
        (
            "by\n  induction k with\n  | zero => simp\n  | succ m _ => rw [Nat.zero_add]",
            "Nat.zero_add _",
            "by omega",
        ),
        ("by\n  induction k with\n  | zero => rfl\n  | succ m ih => exact ih", "Nat.add_zero _"),
    ),
    Problem(
        "theorem le{n} (a b c : Nat) (h : a ≤ b) (g : b ≤ c) : a + {n} ≤ c + {n}",
        (
            "Nat.add_le_add_right (Nat.le_trans h g) {n}",
            "by omega",
            "by\n  have := Nat.le_trans h g\n  exact Nat.add_le_add_right this _",
        ),
        ("Nat.le_trans h g", "by\n  apply Nat.le_antisymm\n  omega"),
    ),
    Problem(
        "theorem rev{n} (xs : List Nat) : (xs ++ [{n}]).reverse = {n} :: xs.reverse",
        ("by simp", "by\n  rw [List.reverse_append]\n  simp", "by rw [List.reverse_append]; rfl"),
        ("rfl", "by\n  induction xs with\n  | nil => rfl\n  | cons x xs ih => rw [ih]"),
    ),
    Problem(
        "theorem ex{n} : ∃ k : Nat, k * k = {n} * {n} ∧ k ≤ {n}",
        (
            "⟨{n}, rfl, Nat.le_refl _⟩",
            "⟨{n}, by simp⟩",
            "by\n  refine ⟨{n}, ?_, ?_⟩\n  · rfl\n  · exact Nat.le_refl _",
        ),
        ("⟨{n} + 1, rfl, Nat.le_refl _⟩", "by exists 0"),
    ),
)  # fmt: skip


def main() -> None:
    """Measure, print a table and one line of JSON."""
    options = _options()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), options.provers) as http:
        numbers = [*range(options.steps), options.steps - 1]
        steps = [_measured(http, step, options, console) for step in numbers]
    _show(console, steps)
    warm = [step["wall_s"] for step in steps[1:-1]]
    figures = {
        "benchmark": "grpo_step",
        "provers": options.provers,
        "answers": len(_PROBLEMS) * 8,
        "first_s": steps[0]["wall_s"],
        "warm_median_s": round(statistics.median(warm), 2),
        "warm_worst_s": max(warm),
        "again_s": steps[-1]["wall_s"],
        "extract_ms": steps[-1]["extract_ms"],
        "undecided": sum(step["undecided"] for step in steps),
        "load": [step["load"] for step in steps],
    }
    print(json.dumps(figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--provers", type=int, default=2, help="prover processes")
    parser.add_argument("--steps", type=int, default=6, help="steps with theorems of their own")
    return parser.parse_args()


def _measured(
    http: httpx.Client, step: int, options: argparse.Namespace, console: Console
) -> dict[str, Any]:
    """Take the rewards of one step and return what that cost."""
    statements, answers, expected = _batch(step)
    begun = time.perf_counter()
    requests = [asked(*pair) for pair in zip(statements, answers, strict=True)]
    extract_ms = 1000 * (time.perf_counter() - begun)
    logged: dict[str, float] = {}
    begun = time.perf_counter()
    rewards = make_reward(str(http.base_url))(
        completions=answers, statement=statements, log_metric=logged.__setitem__
    )
    wall_s = time.perf_counter() - begun
    wrong = [one for one, right in zip(rewards, expected, strict=True) if one not in (None, right)]
    assert len(requests) == len(rewards) == 64
    assert not wrong, rewards
    found = {
        "wall_s": round(wall_s, 2),
        "prover_s": round(_in_lean(http, len(rewards)) / options.provers, 2),
        "extract_ms": round(extract_ms, 1),
        "undecided": rewards.count(None),
        "load": round(os.getloadavg()[0], 1),
    }
    console.print(f"step {step + 1}: {found}")
    return found


def _in_lean(http: httpx.Client, count: int) -> float:
    """Return the seconds that the provers spent on the newest ``count`` items."""
    seconds, seen = 0.0, 0
    for job in http.get("/v1/jobs", params={"limit": 100}).json()["jobs"]:
        if seen >= count:
            break
        items = http.get(f"/v1/jobs/{job['id']}/items", params={"limit": 1000}).json()["items"]
        seen += len(items)
        seconds += sum(item["verdict"]["usage"]["prover_s"] or 0.0 for item in items)
    return seconds


def _batch(step: int) -> tuple[list[str], list[str], list[float]]:
    """Return statements, answers and right rewards of a step, the same at every call."""
    lots = random.Random(step)  # noqa: S311 - not a secret
    samples: list[tuple[str, str, float]] = []
    for number, problem in enumerate(_PROBLEMS):
        n = 100 * step + number + 2
        statement = problem.statement.replace("{n}", str(n))
        proofs = [*problem.right, *problem.wrong, "by\n  sorry", _long(problem)]
        answers = [_written(lots, statement, proof.replace("{n}", str(n))) for proof in proofs]
        answers.append(lots.choice(_GARBAGE))
        found = list(zip([statement] * 8, answers, _REWARDS, strict=True))
        lots.shuffle(found)
        samples += found
    return [one[0] for one in samples], [one[1] for one in samples], [one[2] for one in samples]


def _long(problem: Problem) -> str:
    """Return a right proof behind eighty steps that lead nowhere."""
    steps = "".join(
        f"  have h{k} (x y : Nat) : x + y + {k} = y + x + {k} := by\n    rw [Nat.add_comm x y]\n"
        for k in range(80)
    )
    proof = problem.right[1]
    last = proof.removeprefix("by").strip("\n ") if proof.startswith("by") else f"exact {proof}"
    return f"by\n{steps}  {last}"


def _written(lots: random.Random, statement: str, proof: str) -> str:
    """Return a proof as a model answers with it: whole or not, with and without a thought."""
    whole = lots.random() < 0.7
    code = f"{statement} := {proof}" if whole else proof
    header = "import Init\n\n" if whole and lots.random() < 0.3 else ""
    thought = (
        "<think>\nThe goal looks simple. " + "Try omega. " * lots.randint(5, 80) + "\n</think>\n"
    )
    opening = lots.choice(("Here is the proof:\n\n", "", thought))
    return f"{opening}```lean4\n{header}{code}\n```\nThis closes the goal."


def _show(console: Console, steps: list[dict[str, Any]]) -> None:
    names = ["first", *(f"warm {number}" for number in range(1, len(steps) - 1)), "again"]
    table = Table("step", "wall s", "inside Lean s", "reading ms", "undecided", "load")
    for name, step in zip(names, steps, strict=True):
        table.add_row(
            name,
            *(str(step[key]) for key in ("wall_s", "prover_s", "extract_ms", "undecided", "load")),
        )
    console.print(table)


if __name__ == "__main__":
    main()
