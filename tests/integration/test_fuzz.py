"""Fuzzers of the service, with a small budget; `make fuzz` has a larger one."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))

import hostile_fuzz
from api_fuzz import fuzz


def test_no_request_makes_a_server_error(tmp_path: Path) -> None:
    report = fuzz(tmp_path, examples=3, seed=1, phases=("examples", "fuzzing"))
    assert not report.failed, report.output
    assert report.tested == report.operations - 1  # all but the stream of events
    assert report.requests > report.tested


def test_a_hostile_client_breaks_no_law(tmp_path: Path) -> None:
    report = hostile_fuzz.fuzz(tmp_path, requests=80, seed=1)
    assert not report.broken, report.broken
    assert report.requests > 40 and report.statuses[200] and report.statuses[422]
