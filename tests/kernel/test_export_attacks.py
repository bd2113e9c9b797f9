"""Exports as attacks: what both kernels say of each file, and that every rule has its family."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from make_exports import EXPORTS, FAMILIES, main

from aludel.errors import InvalidRequest
from aludel.lean_checker.attacks.exports import (
    ExportAttack,
    all_exports,
    ours,
    outcomes,
    read_exports,
    run_exports,
)
from aludel.lean_checker.attacks.run import Report
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.judge.lean_kernel import LeanKernel, probe_kernel
from aludel.lean_kernel.api import check_export

ARENA = Path(__file__).parent / "arena"
PAGE = Path(__file__).parents[2] / "docs" / "results" / "attacks.md"
ATTACKS = [*all_exports(EXPORTS), *all_exports(ARENA)]
STEPS = 300_000


def title(attack: ExportAttack) -> str:
    return f"{attack.family}-{attack.case.name}"


@pytest.mark.parametrize("attack", ATTACKS, ids=title)
def test_our_kernel(attack: ExportAttack) -> None:
    found = check_export(attack.path.read_text(encoding="utf-8").splitlines(), STEPS)
    assert (found.rule or found.verdict) == attack.case.expect, found
    assert found.accepted == attack.case.honest


def test_files_are_those_that_the_program_writes(tmp_path: Path) -> None:
    main(tmp_path)
    written = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*")}
    kept = {path.relative_to(EXPORTS): path.read_bytes() for path in EXPORTS.rglob("*.*")}
    assert written == kept, "run python tests/kernel/make_exports.py"


def test_every_rule_of_the_table_has_a_family() -> None:
    section = PAGE.read_text(encoding="utf-8").split("## Rules and their families")[1]
    rows = re.findall(r"^\| (?!rule \||---)(.+?) \| (.+?) \|", section.split("\nMeasured")[0], re.M)
    assert len(rows) == 16
    named = {family for _, cell in rows for family in re.findall(r"`(\w+)`", cell)}
    hostile = {name for name in FAMILIES if name not in ("the_theory", "honest")}
    assert named >= hostile
    plain = EXPORTS.parent / "lean"
    for family in named - hostile:
        assert family == "arena" or (plain / f"{family}.json").is_file(), family
    for row, cell in rows:
        assert set(re.findall(r"`(\w+)`", cell)) & hostile, f"no export for: {row}"


def test_every_family_has_a_case_that_must_not_be_accepted() -> None:
    for family, _ in read_exports(EXPORTS):
        assert family.family == "honest" or not all(case.honest for case in family.cases)


def test_files_go_to_a_process_of_their_own(tmp_path: Path) -> None:
    good = next(a for a in ATTACKS if a.case.name == "of_a_field_that_is_there")
    [found] = outcomes(good, None)
    assert not (found.false_accept or found.false_reject or found.other_reason)
    empty = tmp_path / "x.ndjson"
    empty.write_bytes(b"\xff\x00")
    assert ours(empty)[0] == "json"


def test_a_wrong_expectation_is_counted(tmp_path: Path) -> None:
    family = '{"family":"f","rule":"r","cases":[{"file":"x.ndjson","expect":"%s"}]}'
    (tmp_path / "x.ndjson").write_text('{"meta":{"format":{"version":"3.1.0"}}}\n')
    counts = []
    for expected in ("accepted", "claim"):
        (tmp_path / "family.json").write_text(family % expected)
        report = Report()
        run_exports(all_exports(tmp_path), None, report)
        counts.append((report.holds, report.total("false_accepts"), report.total("accepted")))
    assert counts == [(True, 0, 1), (False, 1, 1)]


def test_a_folder_without_families_or_with_a_file_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"no family\.json"):
        all_exports(tmp_path)
    text = '{"family":"f","rule":"r","cases":[{"file":"x.ndjson","expect":"claim"}]}'
    (tmp_path / "family.json").write_text(text)
    with pytest.raises(InvalidRequest, match=r"there is no x\.ndjson"):
        all_exports(tmp_path)
    (tmp_path / "family.json").write_text(text.replace("x.ndjson", "../x.ndjson"))
    with pytest.raises(InvalidRequest, match="pattern"):
        all_exports(tmp_path)


@pytest.mark.lean
@pytest.mark.long
def test_both_kernels(lean_checker: LeanChecker) -> None:
    pool = lean_checker.pool.another(1, probe_kernel, shared=True)
    report = Report()
    try:
        run_exports(ATTACKS, LeanKernel(pool), report)
    finally:
        pool.close()
    assert [(one.family, one.case.name, one.got) for one in report.wrong] == []
    assert report.total("refused") > 90
