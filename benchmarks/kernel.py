"""What a second kernel costs: time of its questions, accepted checks a second, memory.

``python benchmarks/kernel.py [--demo DIR] [--theorems N] [--seconds S]`` prints a table on stderr
and, last, one JSON line on stdout. The candidates are the variants and the accepted attempts of a
demo, and theorems of Init restated and closed by ``simp``, ``omega``, ``grind`` or ``decide``. The
baseline of the throughput is the elaborator alone, asked for the same candidates in the same run:
what a check was before statements, terms and both kernels were judged elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from aludel.deadline import Deadline
from aludel.jsonl import lines_of
from aludel.lean_checker.attacks.library import restated_theorems
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.judge.deciding import Judge
from aludel.lean_checker.judge.question import Question
from aludel.lean_checker.judge.second_kernel import AnySecondKernel, SecondAnswer
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.toolchains import find_toolchain
from aludel.models import CheckRequest, LeanContext
from aludel.mutation.folder import VARIANTS
from aludel.records import VariantRecord
from aludel.settings import load_settings
from aludel.statements import with_proof
from aludel.store import Store

AUTOMATION = "by first | decide | omega | (simp; done) | grind"
MEDIAN_MS, P95_MS, LOST, THROUGHPUT = 10.0, 150.0, 0.005, 0.6
_WALL_S = 60.0
# Theorems to restate for one that automation closes, and how many are tried before counting.
_RESTATED, _AT_ONCE = 4, 50
# Candidates of the throughput, drawn from all that were accepted.
_SAMPLE = 150


class Timed:
    """A second kernel that notes how long each question takes, by what it is about.

    Args:
        kernel: answers.

    Attributes:
        about: what the next questions are about; those about nothing are not noted.
        milliseconds: how long each took.
        verdicts: what came of them.
    """

    def __init__(self, kernel: AnySecondKernel) -> None:
        self._kernel = kernel
        self.about = ""
        self.milliseconds: dict[str, list[float]] = {}
        self.verdicts: Counter[str] = Counter()

    def install(self, imports: tuple[str, ...]) -> Path:
        return self._kernel.install(imports)

    def close(self) -> None:
        self._kernel.close()

    def ask(self, question: Question, imports: tuple[str, ...], wall_s: float) -> SecondAnswer:
        answer = self._kernel.ask(question, imports, wall_s)
        if self.about:
            self.milliseconds.setdefault(self.about, []).append(1000 * answer.usage.wall_s)
            self.verdicts[answer.verdict] += 1
        return answer


@dataclass(frozen=True)
class Rate:
    """One side of a comparison."""

    checks: int
    wall_s: float
    core_s: float

    def figures(self) -> dict[str, float]:
        return {
            "checks": self.checks,
            "per_s": round(self.checks / self.wall_s, 2),
            "core_s_per_check": round(self.core_s / self.checks, 4),
        }


def processes() -> Iterator[psutil.Process]:
    """Every process that this one started, which is the pool, its judge and the second kernel."""
    yield from psutil.Process().children(recursive=True)


def core_s() -> float:
    """Processor seconds of this process and all that it started."""
    total = 0.0
    for one in (psutil.Process(), *processes()):
        times = one.cpu_times()
        total += times.user + times.system
    return total


def memory_mb() -> dict[str, float]:
    """Resident megabytes, by what the processes are."""
    found: Counter[str] = Counter()
    for one in processes():
        command = " ".join(one.cmdline())
        kind = "second_kernel" if "lean_kernel.worker" in command else "other"
        kind = "lean" if "/node" in command and "Boot.lean" in command else kind
        found[kind] += int(one.memory_info().rss / 2**20)
    return dict(found)


def of_demo(folder: Path) -> dict[str, list[CheckRequest]]:
    """The candidates that a demo had accepted: its variants, and the attempts of its second act."""
    rows = (folder / VARIANTS).read_text(encoding="utf-8")
    found = [VariantRecord.model_validate_json(row) for _, row in lines_of(rows)]
    settings = load_settings().model_copy(update={"data_dir": folder.absolute()})
    with Store.open(settings) as store:
        tried = list(store.attempts.iterate("demo"))
    proved = [one.candidate for one in tried if one.verdict.kind == "accepted"]
    contexts = [(LeanContext(imports=one.imports), one) for one in found]
    return {
        "variants": [
            CheckRequest(context=context, statement=one.statement, code=one.code)
            for context, one in contexts
        ],
        "attempts": proved,
    }


def accepted_of(
    checker: LeanChecker, requests: Sequence[CheckRequest], about: str, asked: Timed
) -> list[CheckRequest]:
    """Check what was accepted before; return what is accepted again."""
    asked.about = about
    with ThreadPoolExecutor(checker.pool.size) as threads:
        verdicts = list(threads.map(checker.check, requests))
    asked.about = ""
    return [one for one, v in zip(requests, verdicts, strict=True) if v.kind == "accepted"]


def theorems(checker: LeanChecker, count: int, asked: Timed) -> list[CheckRequest]:
    """Restate theorems, and close ``count`` of them by automation; return these candidates."""
    restated = restated_theorems(checker.pool, _RESTATED * count).cases
    requests = [candidate(case.statement or "", AUTOMATION) for case in restated]
    random.Random(0).shuffle(requests)  # noqa: S311 - a fixed order
    found: list[CheckRequest] = []
    for start in range(0, len(requests), _AT_ONCE):
        found += accepted_of(checker, requests[start : start + _AT_ONCE], "automation", asked)
        if len(found) >= count:
            break
    return found[:count]


def candidate(statement: str, proof: str) -> CheckRequest:
    context = LeanContext(imports=("Init",))
    return CheckRequest(context=context, statement=statement, code=with_proof(statement, proof))


def rate(run: Callable[[CheckRequest], object], requests: Sequence[CheckRequest], seconds: float,
         threads: int) -> Rate:  # fmt: skip
    """Run over ``requests``, again and again, for about ``seconds``."""
    began = time.perf_counter()
    run(requests[0])
    once = max(0.01, time.perf_counter() - began)
    count = max(len(requests), int(seconds / once))
    cores, began = core_s(), time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, islice(cycle(requests), count)))
    return Rate(count, time.perf_counter() - began, core_s() - cores)


def elaborate(checker: LeanChecker) -> Callable[[CheckRequest], object]:
    """The baseline: the elaborator's own answer, which nobody judges."""

    def run(request: CheckRequest) -> object:
        body: dict[str, object] = {
            "imports": ["Init"],
            "options": {},
            "statement": request.statement,
            "code": request.code,
            "heartbeats": request.budget.heartbeats,
            "allow_native": False,
        }
        with checker.pool.lease(("Init",), Deadline.after(_WALL_S)) as process:
            return process.ask("check", body, Deadline.after(_WALL_S)).result

    return run


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and largest."""
    ordered = sorted(values)
    return {
        "questions": len(ordered),
        "median_ms": round(statistics.median(ordered), 2),
        "p95_ms": round(ordered[int(0.95 * (len(ordered) - 1))], 1),
        "max_ms": round(ordered[-1], 1),
    }


def statement_once(checker: LeanChecker) -> int:
    """How often the statement of 64 candidates is elaborated."""
    before = checker.judge.statements.elaborated
    statement = "theorem sixty_four (a b c : Nat) (h : a ≤ b) : a + c ≤ b + c"
    requests = [
        candidate(statement, f"by\n  have _ : {n} = {n} := rfl\n  omega") for n in range(64)
    ]
    with ThreadPoolExecutor(checker.pool.size) as threads:
        assert {v.kind for v in threads.map(checker.check, requests)} == {"accepted"}
    return checker.judge.statements.elaborated - before


def show(figures: dict[str, object]) -> Table:
    table = Table("figure", "value")
    for name, value in figures.items():
        table.add_row(name, json.dumps(value))
    return table


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, default=Path("out/demo"), help="folder of a demo")
    parser.add_argument("--theorems", type=int, default=1000, help="theorems to restate")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each side's throughput")
    arguments = parser.parse_args()
    console = Console(stderr=True)
    settings = load_settings().model_copy(update={"pool_size": 2, "process_max_requests": 10**6})
    toolchain = find_toolchain(settings)
    pool = LeanPool(toolchain, settings)
    judge = Judge(pool, settings)
    asked = Timed(judge._second)
    judge._second = asked
    checker = LeanChecker(pool, settings, toolchain.modules, judge)
    judge.install_library(("Init",))
    pool.warm_up()
    before = memory_mb()
    judge.warm_up()
    accepted: list[CheckRequest] = []
    counts: dict[str, list[int]] = {}
    for about, requests in of_demo(arguments.demo).items():
        console.print(f"{len(requests)} {about} of the demo")
        again = accepted_of(checker, requests, about, asked)
        counts[about] = [len(requests), len(again)]
        accepted += again
    console.print(f"{arguments.theorems} theorems, {AUTOMATION}")
    proved = theorems(checker, arguments.theorems, asked)
    counts["theorems"] = [arguments.theorems, len(proved)]
    accepted += proved
    accepted = random.Random(0).sample(accepted, min(_SAMPLE, len(accepted)))  # noqa: S311 - a fixed choice
    wrong = [candidate(r.statement or "", "by exact Nat.zero_le _ _ _") for r in accepted]
    console.print(f"throughput, {len(accepted)} candidates")
    threads = checker.pool.size
    sides = {
        name: rate(run, requests, arguments.seconds, threads).figures()
        for name, requests in (("accepted", accepted), ("rejected", wrong))
        for name, run in (
            (f"{name}_elaborator_alone", elaborate(checker)),
            (f"{name}_judged", checker.check),
        )
    }
    lost = 1 - asked.verdicts["accepted"] / asked.verdicts.total()
    figures: dict[str, object] = {
        "benchmark": "kernel",
        "toolchain": toolchain.toolchain.version,
        "load": round(os.getloadavg()[0], 1),
        "asked_and_accepted": counts,
        **{f"second_kernel_{name}": spread(times) for name, times in asked.milliseconds.items()},
        "verdicts": dict(asked.verdicts),
        "not_accepted": round(lost, 4),
        **sides,
        "accepted_ratio": _ratio(sides, "accepted"),
        "rejected_ratio": _ratio(sides, "rejected"),
        "statements_for_64": statement_once(checker),
        "memory_mb_before": before,
        "memory_mb_after": memory_mb(),
        "aims": {"median_ms": MEDIAN_MS, "p95_ms": P95_MS, "not_accepted": LOST,
                 "accepted_ratio": THROUGHPUT},
    }  # fmt: skip
    checker.close()
    console.print(show(figures))
    print(json.dumps(figures))


def _ratio(sides: dict[str, dict[str, float]], name: str) -> float:
    """Processor seconds of the elaborator alone over those of a judged check."""
    alone = sides[f"{name}_elaborator_alone"]["core_s_per_check"]
    return round(alone / sides[f"{name}_judged"]["core_s_per_check"], 3)


if __name__ == "__main__":
    main()
