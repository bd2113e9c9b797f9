"""Journals and the files of a run: stopped, torn, resumed, byte for byte."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fake_mutants import FakeSource, ProofChecker

from aludel.errors import Conflict, InvalidRequest, RunFileError
from aludel.mutation import (
    Journal,
    MutationEngine,
    MutationPlan,
    MutationReport,
    TargetOutcome,
    look_again,
    sample_of,
)
from aludel.mutation.folder import JOURNAL, RunFolder

COSTLY = {JOURNAL, "report.json", "report.md"}


def plan(**changes: object) -> MutationPlan:
    return MutationPlan.model_validate({"patterns": ("A.*",), "limit": 30, "rounds": 2, **changes})


def journaled(out: Path, chosen: MutationPlan, stop_after: int | None = None) -> None:
    engine = MutationEngine(FakeSource(), ProofChecker(), 2)
    with Journal(out / JOURNAL, chosen, "digest") as journal:
        for done, outcome in enumerate(engine.run(chosen, journal.outcomes()), start=1):
            journal.append(outcome)
            if done == stop_after:
                return


def published(out: Path, chosen: MutationPlan) -> RunFolder:
    with Journal(out / JOURNAL, chosen, "digest") as journal:
        report = MutationReport()
        for outcome in journal.outcomes():
            report.add(outcome.report)
        run = RunFolder(out, journal, chosen, report)
        sample, shapes = sample_of(run.variants(), 10, chosen.seed)
        check = look_again(FakeSource(), chosen, sample, shapes)
        run = RunFolder(out, journal, chosen, report, check)
        run.write()
    return run


def shared(out: Path) -> dict[str, bytes]:
    """The files that equal runs share."""
    return {path.name: path.read_bytes() for path in out.iterdir() if path.name not in COSTLY}


@pytest.mark.parametrize("torn", [b"", b'{"target": "A.1", "vari'])
def test_a_stopped_run_goes_on_and_gives_what_an_uninterrupted_one_gives(
    tmp_path: Path, torn: bytes
) -> None:
    journaled(tmp_path / "whole", plan())
    for _ in range(3):
        journaled(tmp_path / "stopped", plan(), stop_after=2)
        with (tmp_path / "stopped" / JOURNAL).open("ab") as file:
            file.write(torn)
    journaled(tmp_path / "stopped", plan())
    published(tmp_path / "whole", plan())
    published(tmp_path / "stopped", plan())
    files = shared(tmp_path / "whole")
    assert set(files) == {
        "variants.jsonl",
        "failures.jsonl",
        "figures.json",
        "losses.svg",
        "namespaces.svg",
        "rules.svg",
    }
    assert files == shared(tmp_path / "stopped")
    assert len(files["variants.jsonl"].splitlines()) == 60


def test_finished_targets_are_not_rewritten_again(tmp_path: Path) -> None:
    journaled(tmp_path, plan(rounds=1, limit=1000))
    source = FakeSource()
    engine = MutationEngine(source, ProofChecker(), 2)
    chosen = plan(rounds=1, limit=1000)
    with Journal(tmp_path / JOURNAL, chosen, "digest") as journal:
        assert list(engine.run(chosen, journal.outcomes())) == []
    assert source.asked == []


def test_the_report_has_every_figure_and_its_page_shows_them(tmp_path: Path) -> None:
    journaled(tmp_path, plan())
    run = published(tmp_path, plan())
    report = json.loads((tmp_path / "report.json").read_text())
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert set(report) - set(figures) == {"core_seconds", "core_seconds_per_accepted", "costs"}
    assert {name: report[name] for name in figures} == figures
    assert report["accepted"] == len(list(run.variants())) == 60
    assert report["rules"]["rw"]["conversion"] == report["conversion"]
    assert report["quality"]["sample"] == 10
    assert report["costs"]["wall_s"] == 0.0  # this test measures none
    page = (tmp_path / "report.md").read_text()
    assert "accepted variants, after all filters | 60 |" in page
    plots = re.findall(r"\]\((\w+\.svg)\)", page)
    assert all((tmp_path / name).read_text().startswith("<?xml") for name in plots)
    assert len(plots) == 3


def test_files_say_nothing_about_time_or_machine(tmp_path: Path) -> None:
    journaled(tmp_path, plan())
    published(tmp_path, plan())
    for name, content in shared(tmp_path).items():
        assert not re.search(rb"usage|_s\"|20\d\d-\d\d", content), name


def test_a_journal_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL
    journaled(tmp_path, plan(), stop_after=1)
    before = path.read_bytes()
    with pytest.raises(Conflict, match="other options"):
        Journal(path, plan(seed=1), "digest")
    with pytest.raises(Conflict, match="other options"):
        Journal(path, plan(avoid=("theorem t : True",)), "digest")
    with pytest.raises(Conflict, match="other options"):
        Journal(path, plan(), "another toolchain")
    assert path.read_bytes() == before


def test_what_is_no_journal_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL
    path.write_text("not json\n")
    with pytest.raises(InvalidRequest, match="not a mutation journal"):
        Journal(path, plan(), "digest")
    assert path.read_text() == "not json\n"


def test_a_line_that_is_no_outcome_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL
    Journal(path, plan(), "digest").close()
    with path.open("a") as file:
        file.write("{}\n")
    with Journal(path, plan(), "digest") as journal, pytest.raises(InvalidRequest):
        list(journal.outcomes())


def test_a_folder_that_cannot_be_made_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFileError, match="cannot use"):
        Journal(tmp_path / "file" / JOURNAL, plan(), "digest")


def test_outcomes_survive_the_journal(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL
    outcome: TargetOutcome = next(iter(MutationEngine(FakeSource(), ProofChecker()).run(plan())))
    with Journal(path, plan(), "digest") as journal:
        journal.append(outcome)
    with Journal(path, plan(), "digest") as journal:
        assert list(journal.outcomes()) == [outcome]
