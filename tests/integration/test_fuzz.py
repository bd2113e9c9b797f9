"""schemathesis over the OpenAPI document, with a small budget; `make fuzz` has a larger one."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))

from api_fuzz import fuzz


def test_no_request_makes_a_server_error(tmp_path: Path) -> None:
    report = fuzz(tmp_path, examples=3, seed=1, phases=("examples", "fuzzing"))
    assert not report.failed, report.output
    assert report.tested == report.operations - 1  # all but the stream of events
    assert report.requests > report.tested
