"""How much of the wall time of a batch is not spent inside Lean.

Starts ``aludel serve`` as a user does (API, worker and SQLite in one process), warms its prover up,
submits a batch of distinct candidates over HTTP, and compares the time until the client has every
verdict with the time that Lean itself reports for them (``usage.prover_s``), divided by the number
of provers. Overhead is what remains, as a share of the wall time; the median of the rounds counts.

Run: ``.venv/bin/python benchmarks/service_overhead.py``; the last line of stdout is a JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table
from serving import serving

TARGET = 0.05
_BATCH_S = 300.0
# A statement and a proof each, as a reward function sends them: omega, rewriting, simp, a term, an
# induction; {n} makes each candidate another one. Inside Lean they take about as long as the
# variants that `aludel demo` makes.
_CANDIDATES = (
    ("theorem t{n} (a b : Nat) : a + b + {n} = b + a + {n}", "by omega"),
    ("theorem t{n} (a b c : Nat) (h : a + {n} = b) (g : b = c) : a + {n} = c", "by rw [h, g]"),
    (
        "theorem t{n} (xs ys : List Nat) : (xs ++ ys ++ [{n}]).length = ys.length + xs.length + 1",
        "by\n  simp only [List.length_append, List.length_singleton]\n  omega",
    ),
    (
        "theorem t{n} (p q r : Prop) (h : p ∧ q) (g : q → r) : {n} = {n} ∧ r ∧ p",
        "⟨rfl, g h.2, h.1⟩",
    ),
    (
        "theorem t{n} (k : Nat) : 0 + k * {n} = k * {n}",
        "by\n  induction k with\n  | zero => simp\n  | succ m _ => rw [Nat.zero_add]",
    ),
)


def main() -> None:
    options = _options()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), options.provers) as http:
        _submit(http, _batch("warm-up", 20 * options.provers))
        rounds = []
        for number in range(options.rounds):
            console.print(f"round {number + 1} of {options.rounds}: {options.checks} checks")
            rounds.append(_measure(http, f"round {number}", options))
    _show(console, rounds)
    middle = sorted(rounds, key=lambda r: r["overhead"])[len(rounds) // 2]
    figures = {
        "benchmark": "service_overhead",
        "checks": options.checks,
        "provers": options.provers,
        "rounds": options.rounds,
        **middle,
        "target": TARGET,
        "within_target": middle["overhead"] <= TARGET,
    }
    print(json.dumps(figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=500, help="candidates of a batch")
    parser.add_argument("--provers", type=int, default=1, help="prover processes")
    parser.add_argument("--rounds", type=int, default=3, help="batches")
    return parser.parse_args()


def _measure(http: httpx.Client, label: str, options: argparse.Namespace) -> dict[str, Any]:
    batch = _batch(label, options.checks)
    begun = time.perf_counter()
    answer = _submit(http, batch)
    wall_s = time.perf_counter() - begun
    verdicts = [item["verdict"] for item in answer["items"]]
    refused = [verdict for verdict in verdicts if verdict["kind"] != "accepted"]
    assert not refused, refused[0]
    assert len({verdict["hash"] for verdict in verdicts}) == options.checks
    prover_s = sum(verdict["usage"]["prover_s"] for verdict in verdicts)
    return {
        "wall_s": round(wall_s, 3),
        "prover_s": round(prover_s, 3),
        "overhead": round(1 - prover_s / options.provers / wall_s, 4),
        "checks_per_s": round(options.checks / wall_s, 1),
        "outside_ms": round(1000 * (wall_s - prover_s / options.provers) / options.checks, 2),
        "prover_ms": round(1000 * statistics.mean(v["usage"]["prover_s"] for v in verdicts), 2),
    }


def _batch(label: str, count: int) -> list[dict[str, str]]:
    requests = []
    for number in range(count):
        header, proof = _CANDIDATES[number % len(_CANDIDATES)]
        statement = header.format(n=number)
        code = f"-- {label}\n{statement} := {proof}\n"
        requests.append({"statement": statement, "code": code})
    return requests


def _submit(http: httpx.Client, requests: list[dict[str, str]]) -> dict[str, Any]:
    answer = http.post("/v1/checks", params={"wait": _BATCH_S}, json={"requests": requests})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _show(console: Console, rounds: list[dict[str, Any]]) -> None:
    table = Table(
        "wall s", "inside Lean s", "overhead", "checks/s", "ms a check in Lean", "outside"
    )
    for figures in rounds:
        table.add_row(
            str(figures["wall_s"]),
            str(figures["prover_s"]),
            f"{figures['overhead']:.1%}",
            str(figures["checks_per_s"]),
            str(figures["prover_ms"]),
            str(figures["outside_ms"]),
        )
    console.print(table)


if __name__ == "__main__":
    main()
