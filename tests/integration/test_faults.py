"""Three runs of the fault harness; `make faults RUNS=n SEED=n` makes more."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from postgres_server import NEEDS_POSTGRES
from redis_server import NEEDS_REDIS

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from harness import run

pytestmark = [*NEEDS_REDIS, *NEEDS_POSTGRES]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [101, 102, 103])
def test_every_accepted_item_has_exactly_one_result(seed: int) -> None:
    report = run(seed)
    assert report.violations == []
    assert report.items == 150
