"""The round trip of the tool ``check`` over standard input and output, on a warm Lean.

    python benchmarks/mcp_round_trip.py --calls 200

The SDK's client starts ``aludel mcp`` and asks one call after the other; every candidate is another
text of the same statement, so that each is elaborated and put to both kernels.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters

ROOT = Path(__file__).resolve().parents[1]
STATEMENT = "theorem t (a b : Nat) : a + b = b + a"
PROOF = "by omega"
PROGRAM = "from aludel.cli.main import main; main()"


async def measure(calls: int, discarded: int) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    process = StdioServerParameters(
        command=sys.executable, args=["-c", PROGRAM, "mcp"], env=environment
    )
    begun = time.perf_counter()
    async with Client(process) as client:
        listed = time.perf_counter() - begun
        took, inside = [], []
        for number in range(discarded + calls):
            code = f"{STATEMENT} := {PROOF} -- {number}"
            start = time.perf_counter()
            answer = await client.call_tool("check", {"code": code, "statement": STATEMENT})
            took.append(time.perf_counter() - start)
            assert answer.structured_content is not None, answer.content
            verdict = answer.structured_content["result"]
            assert verdict["kind"] == "accepted", verdict
            inside.append(verdict["usage"]["wall_s"])
    warm, spent = took[discarded:], inside[discarded:]
    cuts = statistics.quantiles(warm, n=20)
    return {
        "calls": calls,
        "initialized_ms": round(1_000 * listed),
        "first_ms": round(1_000 * took[0]),
        "p50_ms": round(1_000 * statistics.median(warm), 1),
        "p95_ms": round(1_000 * cuts[18], 1),
        "checker_p50_ms": round(1_000 * statistics.median(spent), 1),
        "beside_checker_p50_ms": round(
            1_000 * statistics.median(a - b for a, b in zip(warm, spent, strict=True)), 1
        ),
        "load": [round(value, 1) for value in os.getloadavg()],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--discarded", type=int, default=10, help="First calls that do not count.")
    options = parser.parse_args()
    print(json.dumps(asyncio.run(measure(options.calls, options.discarded))))


if __name__ == "__main__":
    main()
