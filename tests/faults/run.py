"""Run the fault harness and print one JSON line per run, and one on all of them.

Usage: ``python tests/faults/run.py --runs 20 --seed 1``
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "fakes"))

from harness import Report, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    reports: list[Report] = []
    for seed in range(options.seed, options.seed + options.runs):
        reports.append(run(seed))
        sys.stdout.write(json.dumps(asdict(reports[-1])) + "\n")
        sys.stdout.flush()
    faults = Counter(name for report in reports for name in report.faults)
    failed = [report.seed for report in reports if report.violations]
    total = {
        "runs": len(reports),
        "failed_seeds": failed,
        "faults": dict(sorted(faults.items())),
        "items": sum(report.items for report in reports),
        "retaken": sum(report.retaken for report in reports),
        "given_up": sum(report.given_up for report in reports),
        "cancelled": sum(report.cancelled for report in reports),
        "on_postgresql": sum(report.database == "postgresql" for report in reports),
    }
    sys.stdout.write(json.dumps(total) + "\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
