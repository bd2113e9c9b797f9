"""Search for lemmas by 30 patterns, against trying each pattern on every statement.

In a fresh process for each import set: the index is made (its time is said), three other patterns
are asked, then each pattern once (``new``) and ``--rounds`` times again, over the pipe. The
baseline tries the pattern on every statement, named in the same order, with the same bound of ten
answers; of ``--baseline`` patterns, for it is slow.

Run: ``python benchmarks/search.py``; a table on stderr, the last line of stdout is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from typing import Any

from rich.console import Console
from rich.table import Table

from aludel.deadline import Deadline
from aludel.lean_checker.lemmas import LeanLemmas
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.toolchains import find_toolchain
from aludel.lemma_search import LemmaMatch, pattern_of
from aludel.settings import load_settings

PATTERNS = (
    "_ + _ = _ + _", "?a + ?b = ?b + ?a", "?a * (?b + ?c)", "(_ - _) + _", "_ % _ < _", "_ / _ ≤ _",
    "Nat.gcd ?a ?b = Nat.gcd ?b ?a", "min ?a ?b = min ?b ?a", "max _ _ ≤ _", "_ ∣ _ * _",
    "2 ^ _", "Nat.succ _ ≤ _", "¬ _ < _", "_ ∈ _ ++ _", "List.length (_ ++ _)",
    "List.map _ (List.map _ _)", "List.reverse (List.reverse _)", "List.filter _ (List.map _ _)",
    "List.foldl _ _ (_ ++ _)", "List.take _ (List.drop _ _)", "List.Perm ?a ?b",
    "Array.size (Array.push _ _)", "Option.map _ (some _)", "Option.bind _ some", "⊢ ?a = ?a",
    "⊢ _ ↔ _ ∧ _", "⊢ ?a ≤ ?c", "⊢ _ ∨ _ = _", "(_ &&& _) &&& _", "1 + _",
)  # fmt: skip
WARMING = ("_ - _ = 0", "List.zip _ _", "⊢ _ < _")
SETS = {"Init": ("Init",), "Init, Std": ("Init", "Std")}
COUNT = 10
CONSOLE = Console(stderr=True)


def asked(imports: tuple[str, ...], text: str, names: tuple[str, ...] | None = None) -> LemmaMatch:
    pattern, conclusion = pattern_of(text)
    return LemmaMatch(
        imports=imports, count=COUNT, wall_s=120.0, pattern=pattern, conclusion=conclusion,
        names=names,
    )  # fmt: skip


def times_of(lemmas: LeanLemmas, question: LemmaMatch, rounds: int) -> list[float]:
    """Milliseconds of each round."""
    found = []
    for _ in range(rounds):
        begun = time.perf_counter()
        answer = lemmas.match(question)
        found.append(1_000 * (time.perf_counter() - begun))
        if not answer.complete:
            raise SystemExit(f"{question.pattern}: {answer.message}")
    return found


def measure(name: str, rounds: int, baseline: int) -> dict[str, Any]:
    imports = SETS[name]
    settings = load_settings()
    pool = LeanPool(find_toolchain(settings), settings, size=1)
    lemmas = LeanLemmas(pool)
    try:
        with pool.lease(imports, Deadline.after(600.0)) as process:
            before = process.cpu_s
            begun = time.perf_counter()
            process.index(imports, Deadline.after(600.0), op="search")
            index_s, index_core_s = time.perf_counter() - begun, process.cpu_s - before
        for pattern in WARMING:
            times_of(lemmas, asked(imports, pattern), 1)
        first = sorted(times_of(lemmas, asked(imports, p), 1)[0] for p in PATTERNS)
        each = {p: times_of(lemmas, asked(imports, p), rounds) for p in PATTERNS}
        names = tuple(lemma.name for lemma in lemmas.listing(imports))
        some = PATTERNS[:: max(1, len(PATTERNS) // baseline)] if baseline else ()
        scanned = {p: times_of(lemmas, asked(imports, p, names), 1)[0] for p in some}
    finally:
        pool.close()
    every = sorted(time for times in each.values() for time in times)
    return {
        "set": name,
        "theorems": len(names),
        "index_s": round(index_s, 1),
        "index_core_s": round(index_core_s, 1),
        "new_p50_ms": round(statistics.median(first), 1),
        "new_p95_ms": round(first[int(0.95 * (len(first) - 1))], 1),
        "p50_ms": round(statistics.median(every), 1),
        "p95_ms": round(every[int(0.95 * (len(every) - 1))], 1),
        "slowest": {p: round(statistics.median(t), 1) for p, t in _slowest(each)},
        "baseline_p50_ms": round(statistics.median(scanned.values()), 1) if scanned else None,
        "same_p50_ms": round(statistics.median([statistics.median(each[p]) for p in scanned]), 1)
        if scanned
        else None,
        "load": round(os.getloadavg()[0], 1),
    }


def _slowest(each: dict[str, list[float]]) -> list[tuple[str, list[float]]]:
    return sorted(each.items(), key=lambda one: -statistics.median(one[1]))[:3]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--baseline", type=int, default=6, help="patterns of the baseline")
    parser.add_argument("--only", nargs="*", choices=SETS, default=list(SETS))
    options = parser.parse_args()
    rows = [measure(name, options.rounds, options.baseline) for name in options.only]
    table = Table("", *(row["set"] for row in rows))
    for key in rows[0]:
        table.add_row(key, *(str(row[key]) for row in rows))
    CONSOLE.print(table)
    print(json.dumps(rows, ensure_ascii=False))


if __name__ == "__main__":
    main()
