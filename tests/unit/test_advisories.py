"""Known soundness bugs by version of Lean."""

from __future__ import annotations

import pytest

from aludel.advisories import ADVISORIES, advisories_of
from aludel.models import Prover, Toolchain


def toolchain(version: str, prover: Prover = Prover.LEAN) -> Toolchain:
    return Toolchain(prover=prover, name="x", version=version, kind="native", digest="0" * 64)


@pytest.mark.parametrize(
    ("version", "pulls"),
    [
        ("4.34.1", []),
        ("4.35.0-rc2", []),
        ("4.34.0", [15289]),
        ("4.33.1", [14833, 14843, 14849, 15289]),
        ("4.34.1-rc1", [15289]),
    ],
)
def test_a_version_has_what_later_ones_mended(version: str, pulls: list[int]) -> None:
    assert [one.pull for one in advisories_of(toolchain(version))] == pulls


@pytest.mark.parametrize("version", ["4.28.0-pre", "4.9.0", "4.32.0", "nightly", ""])
def test_older_and_unreadable_versions_have_all(version: str) -> None:
    assert advisories_of(toolchain(version)) == ADVISORIES


def test_only_plain_text_and_fstar_is_told_apart() -> None:
    plain = [one.pull for one in ADVISORIES if not one.needs_metaprogram]
    assert 14807 in plain and 14498 not in plain
    assert advisories_of(toolchain("0.9.7", Prover.FSTAR)) == ()


def test_the_table_is_in_the_order_of_fixes() -> None:
    fixes = [tuple(map(int, one.fixed_in.split("."))) for one in ADVISORIES]
    assert fixes == sorted(fixes)
    assert len({one.pull for one in ADVISORIES}) == len(ADVISORIES)
