"""Mixed requests through one pool: is any verdict wrong, any process left, any memory cap passed?

``python benchmarks/soak.py [--requests N] [--seed N]`` sends valid, wrong, garbage, endless and
memory-hungry candidates in a seeded order, prints a table on stderr and, last, one JSON line on
stdout, and exits 1 when a verdict is wrong, a process is left over or memory passed its cap. A
request that found no free process in ten minutes, on a busy machine, is sent again and counted.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psutil
from rich.console import Console
from rich.progress import track
from rich.table import Table

from aludel.errors import InvalidRequest, QueueFull
from aludel.lean_checker.prover import LeanProver, build_prover
from aludel.models import Budget, CheckRequest
from aludel.protocols import Checker
from aludel.settings import Settings, load_settings

PATIENT = Budget(wall_s=300)
IMPATIENT = Budget(wall_s=1)
HUNGRY = Budget(wall_s=20, memory_mb=1_400)
THRIFTY = Budget(wall_s=300, heartbeats=2_000)
# The cap is looked at every so often, and memory may grow in between.
OVERSHOOT_MB = 300
_LETTERS = "abct01 \n\t:=(){}[]⟨⟩«»∀∃λ→¬∧·|--/-\"'`$@#%^&*_;,.é\u200b\u202e\ufeff𝔸"
_WORDS = ("theorem", "t", ":", "=", ":=", "by", "sorry", "1", "Nat", "fun", "=>", "end", "(", ")")
_COMPUTED = "theorem t : {n} ^ (10 ^ 7) % {n} = 0"
_LONG = "theorem t : (List.range (10 ^ 7 + {n})).length = 10 ^ 7 + {n}"


@dataclass(frozen=True)
class Kind:
    """A kind of request: how often in a thousand it comes, and which outcomes are right."""

    weight: int
    right: tuple[str, ...]


KINDS = {
    "valid": Kind(520, ("accepted",)),
    "wrong": Kind(300, ("rejected",)),
    "garbage": Kind(150, ("rejected", "invalid")),
    "endless elaboration": Kind(20, ("heartbeats", "memory")),
    "endless kernel": Kind(5, ("timeout", "memory")),
    "hungry": Kind(5, ("memory", "timeout")),
}
_VALID = (
    ("theorem t (a b : Nat) : a + b = b + a", "Nat.add_comm a b"),
    ("theorem t (a b c : Nat) (h : a < b) : a + c < b + c", "by omega"),
    ("theorem t (xs : List Nat) : (xs ++ []).length = xs.length", "by simp"),
    ("theorem t (p q : Prop) (h : p ∧ q) : q ∧ p", "⟨h.2, h.1⟩"),
    ("theorem t (p q : Prop) (h : p ↔ q) : p = q", "propext h"),
)
_WRONG = (
    ("theorem t (a b : Nat) : a + b = b + a", "Nat.mul_comm a b"),
    ("theorem t (a b : Nat) : a - b = b - a", "by omega"),
    ("theorem t : 1 = 2", "by sorry"),
    ("theorem t : 1 = 1", "by rfl; rfl"),
    ("theorem t (p q : Prop) : p ∨ q", "by simp"),
)


def requests(count: int, seed: int) -> Iterator[tuple[str, CheckRequest]]:
    """Yield kinds and requests; equal arguments give equal requests, each text occurs once."""
    rng = random.Random(seed)  # noqa: S311 - a reproducible choice, no secret
    weights = [kind.weight for kind in KINDS.values()]
    for number, kind in enumerate(rng.choices(list(KINDS), weights, k=count)):
        yield kind, _request(rng, kind, number)


def _request(rng: random.Random, kind: str, number: int) -> CheckRequest:
    if kind == "garbage":
        text = _garbage(rng)
        return CheckRequest(statement="theorem t : 1 = 2", code=text, budget=PATIENT)
    if kind in ("valid", "wrong"):
        statement, proof = rng.choice(_VALID if kind == "valid" else _WRONG)
        budget = PATIENT
    elif kind == "endless elaboration":
        statement = "theorem t (f : Nat → Nat) (h : ∀ x, f x = f (x + 1)) : f 0 = 1"
        proof, budget = "by\n  repeat rw [h]", THRIFTY
    elif kind == "endless kernel":
        statement, proof, budget = _COMPUTED.format(n=number + 7), "by decide +kernel", IMPATIENT
    else:
        statement, proof, budget = _LONG.format(n=number), "by decide +kernel", HUNGRY
    code = f"-- {number}\n{statement} := {proof}\n"
    return CheckRequest(statement=statement, code=code, budget=budget)


def _garbage(rng: random.Random) -> str:
    size = rng.randint(1, 400)
    match rng.randrange(3):
        case 0:
            return "".join(rng.choices(_LETTERS, k=size))
        case 1:
            return " ".join(rng.choices(_WORDS, k=size))
        case _:
            statement, proof = rng.choice(_VALID)
            text = f"{statement} := {proof}\n"
            return text[: rng.randrange(1, len(text) // 2)]


@dataclass(frozen=True)
class Outcome:
    """The outcome of one request.

    Attributes:
        kind: a key of `KINDS`.
        got: kind of the verdict, reason of no decision, or ``invalid``.
        peak_mb: largest resident size of the prover.
        waits: how often no process became free in time.
    """

    kind: str
    got: str
    peak_mb: float
    waits: int = 0

    @property
    def right(self) -> bool:
        """Whether the outcome is one of those that are right for its kind."""
        return self.got in KINDS[self.kind].right


def outcome_of(checker: Checker, kind: str, request: CheckRequest) -> Outcome:
    """Put one request to the checker; a machine that failed raises."""
    for waits in itertools.count():
        try:
            verdict = checker.check(request)
        except QueueFull:
            continue
        except InvalidRequest:
            return Outcome(kind, "invalid", 0.0, waits)
        undecided = verdict.kind == "undecided" and verdict.reason is not None
        got = verdict.reason.value if undecided and verdict.reason else verdict.kind
        return Outcome(kind, got, verdict.usage.peak_memory_mb or 0.0, waits)
    raise AssertionError("counting does not end")


def soak(checker: LeanProver, count: int, seed: int) -> list[Outcome]:
    """Send ``count`` requests from twice as many threads as there are processes."""
    with ThreadPoolExecutor(2 * checker.pool.size) as threads:
        found = threads.map(lambda one: outcome_of(checker, *one), list(requests(count, seed)))
        shown = track(found, "checking", count, console=Console(stderr=True))
        return list(shown)


def figures(outcomes: list[Outcome], settings: Settings, left: int) -> dict[str, object]:
    """Sum up as one JSON object."""
    wrong = Counter(f"{one.kind}: {one.got}" for one in outcomes if not one.right)
    peak = max(one.peak_mb for one in outcomes)
    return {
        "requests": len(outcomes),
        "wrong_verdicts": wrong.total(),
        "wrong": dict(wrong),
        "outcomes": {
            kind: dict(Counter(one.got for one in outcomes if one.kind == kind)) for kind in KINDS
        },
        "waits": sum(one.waits for one in outcomes),
        "processes_left": left,
        "peak_prover_mb": round(peak),
        "cap_mb": settings.process_memory_mb,
        "holds": not wrong and not left and peak <= settings.process_memory_mb + OVERSHOOT_MB,
    }


def main() -> int:
    """Run, print, and say by the exit code whether all held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    settings = load_settings()
    load = os.getloadavg()[1]
    started = time.monotonic()
    checker = build_prover(settings)
    try:
        outcomes = soak(checker, options.requests, options.seed)
        stats = checker.pool.stats()
    finally:
        checker.close()
    found = figures(outcomes, settings, len(psutil.Process().children(recursive=True)))
    found |= {
        "started": stats.started,
        "discarded": stats.discarded,
        "recycled": stats.recycled,
        "own_mb": round(psutil.Process().memory_info().rss / 2**20),
        "seconds": round(time.monotonic() - started, 1),
        "load_before": round(load, 1),
        "load_after": round(os.getloadavg()[1], 1),
    }
    _show(found)
    print(json.dumps({"seed": options.seed, **found}))
    return 0 if found["holds"] else 1


def _show(found: dict[str, object]) -> None:
    table = Table(title="what became of the requests")
    table.add_column("kind")
    table.add_column("outcomes")
    outcomes = found["outcomes"]
    assert isinstance(outcomes, dict)
    for kind, counts in outcomes.items():
        table.add_row(kind, ", ".join(f"{count} {name}" for name, count in counts.items()))
    Console(stderr=True).print(table)


if __name__ == "__main__":
    sys.exit(main())
