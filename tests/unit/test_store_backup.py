"""Migrations with data in them, backups from and to either database, and removing what is old."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard
from click.testing import CliRunner
from fake_checker import TOOLCHAIN
from postgres_server import NEEDS_POSTGRES, Postgres
from sqlalchemy import select

from aludel.attempts import AttemptOptions, AttemptPlan, AttemptRecord, ProblemOutcome
from aludel.cli.db import command as db
from aludel.cli.keys import command as keys
from aludel.errors import AludelError, Conflict, InvalidRequest, StoreError
from aludel.generators import Portfolio
from aludel.job_requests import AttemptRequest, ExportRequest
from aludel.jobs import Job, JobState, MutationRequest
from aludel.models import (
    Accepted,
    CheckRequest,
    Evidence,
    FStarContext,
    Undecided,
    UndecidedReason,
    Verdict,
    content_hash,
)
from aludel.problems import TheoremProblem, problems_digest
from aludel.proof_states import ProofTrace
from aludel.records import TheoremRecord, VariantRecord
from aludel.settings import Settings
from aludel.store import JobFilter, Store
from aludel.store.backup import backup, restore
from aludel.store.database import Database
from aludel.store.migrate import downgrade, migrate, newest_revision, revision_of
from aludel.store.tables import ANONYMOUS, AttemptRow


@pytest.fixture
def empty_postgres(postgres: Postgres) -> Iterator[str]:
    url = postgres.create()
    yield url
    postgres.drop(url)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=NEEDS_POSTGRES)])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a database that has no schema yet, beside the one of ``anywhere``."""
    if request.param == "sqlite":
        return Settings(data_dir=tmp_path / "target")
    return Settings(database_url=request.getfixturevalue("empty_postgres"))


def _fill(settings: Settings) -> dict[str, Any]:
    """Write rows into every table, and return what they say."""
    with Store.open(settings) as store:
        done = store.jobs.create_check([CheckRequest(code=f"accept {i}") for i in range(3)])
        first, second, third = store.items.claim(done.id, "w", 3, 60)
        request = CheckRequest.model_validate(first.payload)
        verdict = Accepted(hash=content_hash(TOOLCHAIN.digest, request), evidence=Evidence())
        store.verdicts.put(request, TOOLCHAIN, verdict)
        store.proof_states.put(verdict.hash, ProofTrace(steps=(), left_out=3))
        store.items.finish(first, verdict)
        store.items.finish(second, Undecided(hash="h", reason=UndecidedReason.TIMEOUT))
        store.items.release([third], tried=True)
        fstar = CheckRequest(code="let x = 1\u0000", context=FStarContext())
        waiting = store.jobs.create_check([fstar, request])
        mutation = store.jobs.create_mutation(MutationRequest(pattern="Nat.*"))
        store.theorems.add_many(
            TOOLCHAIN.digest, [TheoremRecord(name=n, module="m", statement="s") for n in "bA_a"]
        )
        variant = VariantRecord(
            name="v",
            statement="theorem v : ∀ x, x = x",
            proof="p",
            rule="rw",
            lemma="l",
            direction="forward",
            position="goal",
            parents=("t", "l"),
            imports=("Init",),
            toolchain_digest=TOOLCHAIN.digest,
            verdict_hash=verdict.hash,
            term_hash="t",
        )
        store.variants.add(variant, mutation.id)
        proving, exporting = _attempted(store, request, verdict)
        ids = [done.id, waiting.id, mutation.id, proving.id, exporting.id]
        return {"ids": ids, "verdict": verdict.hash, **_read(store, ids)}


def _attempted(store: Store, candidate: CheckRequest, verdict: Verdict) -> tuple[Job, Job]:
    """Record a run with an accepted and an undecided attempt, its job, and an export."""
    problems = [TheoremProblem(name=name, statement=f"theorem {name} : True") for name in "ab"]
    digest = problems_digest(problems)
    plan = AttemptPlan(generator="g", toolchain_digest=TOOLCHAIN.digest, problems_digest=digest)
    store.attempts.start("r", plan, 2, ANONYMOUS)
    undecided = Undecided(hash="h", reason=UndecidedReason.TIMEOUT)
    records = [
        AttemptRecord(problem="a", position=n, candidate=candidate, verdict=found)
        for n, found in enumerate((verdict, undecided))
    ]
    outcome = ProblemOutcome(problem="a", statement="theorem a : True", samples=2, accepted=1)
    assert store.attempts.record("r", outcome, records)
    request = AttemptRequest(
        run="r", generator=Portfolio(), options=AttemptOptions(), problems_digest=digest
    )
    proving = store.jobs.create_attempts(request, problems)
    [claim] = store.items.claim(proving.id, "w", 1, 60)
    assert store.items.finish_problem(claim, proved=True)
    return proving, store.jobs.create_export(ExportRequest(name="d"))


def test_verdicts_of_earlier_attempts_are_kept(anywhere: Settings) -> None:
    _fill(anywhere)
    database = Database(anywhere.store_url)
    downgrade(database, "0007")
    migrate(database)
    with database.read() as connection:
        rows = connection.execute(select(AttemptRow.kind, AttemptRow.verdict_hash)).all()
    assert sorted((kind, key is not None) for kind, key in rows) == [
        ("accepted", True), ("undecided", False),
    ]  # fmt: skip
    with Store.open(anywhere) as store:
        assert store.attempts.run("r", ANONYMOUS).done == 1
    database.close()


def _read(store: Store, ids: list[str]) -> dict[str, Any]:
    return {
        "jobs": [store.jobs.get(job) for job in ids],
        "items": [store.jobs.items(job) for job in ids],
        "variants": list(store.variants.iterate()),
        "theorems": [record.name for record in store.theorems.iterate(TOOLCHAIN.digest)],
    }


def test_every_migration_keeps_the_data_down_and_up(anywhere: Settings) -> None:
    told = _fill(anywhere)
    ids, _ = told.pop("ids"), told.pop("verdict")
    assert told["theorems"] == ["A", "_", "a", "b"]
    database = Database(anywhere.store_url)
    downgrade(database, "0003")
    assert revision_of(database) == "0003"
    migrate(database)
    with Store.open(anywhere) as store:
        assert _read(store, ids) == told
        assert [number for number, _ in store.jobs.events(ids[0])] == [1, 2]
        store.control.cancel(ids[1])
    downgrade(database, "0003")
    migrate(database)
    with Store.open(anywhere) as store:
        assert store.jobs.get(ids[1]).state is JobState.FAILED
        assert store.jobs.get(ids[1]).progress.failed == 2
    downgrade(database, "0001")
    migrate(database)
    with Store.open(anywhere) as store:
        assert [variant.name for variant in store.variants.iterate()] == ["v"]
        assert store.jobs.page(JobFilter()) == []
        assert store.jobs.create_check([CheckRequest(code="x")]).total == 1
    with pytest.raises(InvalidRequest, match="0001, 0002"):
        downgrade(database, "nope")
    database.close()


def test_a_backup_is_restored_into_either_database(
    anywhere: Settings, target: Settings, tmp_path: Path
) -> None:
    told = _fill(anywhere)
    ids, verdict = told.pop("ids"), told.pop("verdict")
    with Store.open(anywhere) as store:
        _, shown = store.keys.create("lab")
        rows = backup(store.database, tmp_path / "saved")
        with pytest.raises(InvalidRequest, match="exists"):
            backup(store.database, tmp_path / "saved")
    assert restore(target, tmp_path / "saved") == rows
    with Store.open(target) as store:
        assert _read(store, ids) == told
        assert store.keys.find(shown) is not None
        assert store.proof_states.get(verdict) == ProofTrace(steps=(), left_out=3)
        made = store.jobs.create_check([CheckRequest(code="after")])  # ids go on
        assert store.jobs.get(made.id).total == 1
    with pytest.raises(Conflict, match="has rows"):
        restore(target, tmp_path / "saved")


def _damage(data: bytes, how: str) -> bytes:
    if how == "cut":
        return data[: len(data) // 2]
    plain = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    lines = plain.splitlines(keepends=True)
    changed = {
        "last line": lines[:-1],
        "a row": [*lines[:-2], lines[-1]],
        "other": [b'{"format": "other"}\n'],
        "newer": [lines[0].replace(newest_revision().encode(), b"9999"), *lines[1:]],
        "no json": [b"hello\n"],
        "nothing": [],
    }[how]
    return zstandard.compress(b"".join(changed))


@pytest.mark.parametrize(
    "how", ["cut", "last line", "a row", "other", "newer", "no json", "nothing"]
)
def test_a_damaged_backup_restores_nothing(tmp_path: Path, how: str) -> None:
    source = Settings(data_dir=tmp_path)
    _fill(source)
    with Store.open(source) as store:
        backup(store.database, tmp_path / "saved")
    (tmp_path / "bad").write_bytes(_damage((tmp_path / "saved").read_bytes(), how))
    target = Settings(data_dir=tmp_path / "target")
    with pytest.raises((InvalidRequest, StoreError)):
        restore(target, tmp_path / "bad")
    with Store.open(target) as store:
        assert store.jobs.page(JobFilter()) == []


def test_old_jobs_are_removed_and_what_they_found_stays(anywhere: Settings) -> None:
    told = _fill(anywhere)
    ids = told["ids"]
    now = datetime.now(UTC)
    with Store.open(anywhere) as store:
        for job in ids[2:]:
            store.control.cancel(job)
        assert store.prune(now - timedelta(days=1), verdicts=True) == (0, 0)
        assert store.prune(now + timedelta(days=1)) == (3, 0)
        left = [job.id for job in store.jobs.page(JobFilter())]
        assert sorted(left) == sorted(ids[:2])
        assert [variant.name for variant in store.variants.iterate()] == ["v"]
        assert [attempt.position for attempt in store.attempts.iterate("r")] == [0, 1]
        assert store.prune(now + timedelta(days=1), verdicts=True) == (0, 0)
        lone = CheckRequest(code="lone")
        key = content_hash(TOOLCHAIN.digest, lone)
        store.verdicts.put(lone, TOOLCHAIN, Accepted(hash=key, evidence=Evidence()))
        store.proof_states.put(key, ProofTrace(steps=()))
        assert store.prune(now + timedelta(days=1), verdicts=True) == (0, 1)
        assert store.verdicts.get(key) is None
        assert store.proof_states.get(key) is None
        assert store.proof_states.get(told["verdict"]) is not None


@pytest.fixture
def aludel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    for name in [name for name in os.environ if name.startswith("ALUDEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ALUDEL_DATA_DIR", str(tmp_path))

    def call(group: Any, *arguments: str) -> Any:
        return CliRunner().invoke(group, list(arguments), catch_exceptions=True)

    return call


def test_the_commands_for_the_database(aludel: Callable[..., Any], tmp_path: Path) -> None:
    assert "none -> 0" in aludel(db, "migrate").output
    _fill(Settings(data_dir=tmp_path))
    saved = str(tmp_path / "saved")
    assert "rows in" in aludel(db, "backup", saved).output
    assert "removed 0 jobs" in aludel(db, "prune", "--older-than", "1", "--verdicts").output
    assert isinstance(aludel(db, "restore", saved).exception, AludelError)
    assert "-> 0003" in aludel(db, "migrate", "--to", "0003").output
    (tmp_path / "aludel.sqlite3").unlink()
    assert "rows restored" in aludel(db, "restore", saved).output


def test_the_commands_for_keys(aludel: Callable[..., Any], tmp_path: Path) -> None:
    made = aludel(keys, "create", "lab", "--scope", "read", "--per-minute", "5")
    shown = made.stdout.splitlines()[0]
    assert shown.startswith("aludel_")
    key_id = shown.split("_")[1]
    assert f"{key_id}  lab  [read]  5 a minute" in aludel(keys, "list").output
    secret = shown.split("_", 2)[2]  # which may hold further underscores
    assert secret not in aludel(keys, "list", "--json").output
    assert aludel(keys, "revoke", key_id).exit_code == 0
    assert "revoked" in aludel(keys, "list").output
    assert isinstance(aludel(keys, "revoke", "nope").exception, AludelError)
