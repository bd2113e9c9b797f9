"""Two real Lake projects behind one service, by name, in the room of one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from lake_project import ORCHARD, build_package, embedded_host

from aludel.errors import InvalidRequest
from aludel.lean_checker.prover import LeanProver, build_prover
from aludel.lean_checker.room import Rooms
from aludel.models import Budget, CheckRequest, LeanContext, Policy
from aludel.projects import named_projects
from aludel.settings import Settings, load_settings

pytestmark = [pytest.mark.lean, pytest.mark.long, pytest.mark.usefixtures("lean_toolchain")]

CANDIDATES = {
    "orchard": "import Orchard\ntheorem t (a b : Nat) : seeds (apples a b) = seeds (apples b a) :="
    " by rw [apples_comm]",
    "seeds": "import Seeds\ntheorem t : seeds 0 = 0 := seeds_zero",
}


def request(code: str, project: str) -> CheckRequest:
    return CheckRequest(
        context=LeanContext(project=project),
        code=code,
        policy=Policy(second_kernel="off"),
        budget=Budget(wall_s=120),
    )


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dependency of the other project, as a project of its own."""
    root = tmp_path_factory.mktemp("lake") / "seeds"
    shutil.copytree(ORCHARD / "seeds", root)
    build_package(embedded_host(), root, ["Seeds.lean"], [])
    return root


def test_each_project_decides_its_own_and_one_process_is_enough(orchard: Path, seeds: Path) -> None:
    base = load_settings().model_dump()
    settings = Settings(**{**base, "pool_size": 1, "projects": f"orchard={orchard},seeds={seeds}"})
    rooms = Rooms()
    provers: dict[str, LeanProver] = {
        name: build_prover(of, rooms=rooms) for name, of in named_projects(settings).items()
    }
    try:
        assert len({prover.toolchain.digest for prover in provers.values()}) == 2
        for name, prover in provers.items():
            verdict = prover.check(request(CANDIDATES[name], name))
            assert verdict.kind == "accepted", verdict
            assert sum(each.stats().live for each in provers.values()) == 1
        with pytest.raises(InvalidRequest, match="Orchard"):
            provers["seeds"].check(request(CANDIDATES["orchard"], "seeds"))
        with pytest.raises(InvalidRequest, match="no project 'orchard'"):
            provers["seeds"].check(request(CANDIDATES["orchard"], "orchard"))
    finally:
        for prover in provers.values():
            prover.close()
