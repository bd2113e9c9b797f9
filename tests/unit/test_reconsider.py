"""Verdicts taken back: found by who decided and when, checked again, and nothing deleted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from fake_checker import TOOLCHAIN, FakeChecker
from live_api import live_api

from aludel.cli.db import command as db
from aludel.errors import Conflict, InvalidRequest
from aludel.models import (
    Accepted,
    CheckRequest,
    Evidence,
    FStarContext,
    Prover,
    Rejected,
    RejectReason,
    content_hash,
)
from aludel.settings import Settings
from aludel.store import CachedChecker, Store
from aludel.store.reconsidering import Selection

FSTAR = TOOLCHAIN.model_copy(
    update={"prover": Prover.FSTAR, "name": "fstar", "digest": "ab" * 32, "kind": "native"}
)


@pytest.fixture
def store(anywhere: Settings) -> Iterator[Store]:
    with Store.open(anywhere) as opened:
        yield opened


def record(store: Store) -> dict[str, str]:
    """Two verdicts of F* and one of Lean; returns their hashes by code."""
    lean, fstar = CheckRequest(code="accept"), FStarContext()
    good = CheckRequest(code="good", context=fstar)
    bad = CheckRequest(code="bad", context=fstar)
    keys = {
        "accept": content_hash(TOOLCHAIN.digest, lean),
        "good": content_hash(FSTAR.digest, good),
        "bad": content_hash(FSTAR.digest, bad),
    }
    store.verdicts.put(lean, TOOLCHAIN, Accepted(hash=keys["accept"], evidence=Evidence()))
    store.verdicts.put(good, FSTAR, Accepted(hash=keys["good"], evidence=Evidence()))
    wrong = Rejected(hash=keys["bad"], reason=RejectReason.PARSE)
    store.verdicts.put(bad, FSTAR, wrong)
    return keys


def found(store: Store, **fields: object) -> set[str]:
    return {r.hash for r in store.reconsidering.find(Selection(**fields))}  # type: ignore[arg-type]


def test_verdicts_are_found_by_who_decided_what_and_when(store: Store) -> None:
    keys = record(store)
    assert found(store, prover=Prover.FSTAR) == {keys["good"], keys["bad"]}
    assert found(store, prover=Prover.LEAN) == {keys["accept"]}
    assert found(store, toolchain="abab") == {keys["good"], keys["bad"]}
    assert found(store, toolchain="%") == set()
    assert found(store, kind="accepted") == {keys["good"], keys["accept"]}
    assert found(store, reason="parse") == {keys["bad"]}
    made = store.verdicts.result(keys["good"]).created_at
    later = made + timedelta(days=1)
    assert found(store, since=later) == set()
    assert found(store, until=later) == set(keys.values())
    assert found(store, since=made - timedelta(days=1), prover=Prover.LEAN) == {keys["accept"]}
    with pytest.raises(InvalidRequest):
        store.reconsidering.find(Selection())


def test_a_verdict_taken_back_is_no_answer_and_stays_on_record(store: Store) -> None:
    keys = record(store)
    selected = store.reconsidering.find(Selection(prover=Prover.FSTAR))
    assert store.reconsidering.take_back(selected, "a shared work folder") == 2
    assert store.reconsidering.take_back(selected, "twice") == 0
    assert store.verdicts.get(keys["good"]) is None
    assert store.verdicts.get(keys["accept"]) is not None
    assert store.verdicts.result(keys["good"]).verdict.kind == "accepted"
    with pytest.raises(Conflict, match="taken back"):
        store.verdicts.receipt(keys["good"])
    assert store.verdicts.receipt(keys["accept"]) is not None
    ((_, why, kind),) = store.reconsidering.history(keys["bad"])
    assert (why, kind) == ("a shared work folder", "rejected")


def test_an_equal_request_is_checked_again_and_takes_the_place(store: Store) -> None:
    checker = FakeChecker()
    cached = CachedChecker(checker, store)
    first = cached.check(CheckRequest(code="accept"))
    wrong = Rejected(hash=first.hash, reason=RejectReason.PARSE)
    assert not store.verdicts.put(CheckRequest(code="accept"), TOOLCHAIN, wrong)
    store.reconsidering.take_back(store.reconsidering.find(Selection(kind="accepted")), "doubt")
    assert cached.check(CheckRequest(code="accept")).kind == "accepted"
    assert checker.calls == ["accept", "accept"]
    assert cached.check(CheckRequest(code="accept")).kind == "accepted"
    assert checker.calls == ["accept", "accept"]
    assert len(store.reconsidering.history(first.hash)) == 1
    store.reconsidering.take_back(store.reconsidering.find(Selection(kind="accepted")), "again")
    assert store.verdicts.put(CheckRequest(code="accept"), TOOLCHAIN, wrong)
    assert store.verdicts.get(first.hash) == wrong
    assert [why for _, why, _ in store.reconsidering.history(first.hash)] == ["doubt", "again"]


def test_the_service_shows_no_verdict_that_was_taken_back(tmp_path: Path) -> None:
    with live_api(Settings(data_dir=tmp_path)) as api, httpx.Client(base_url=api.url) as http:
        sent = http.post("/v1/checks?wait=20", json={"code": "accept"}).json()
        job, digest = sent["job"]["id"], sent["items"][0]["verdict"]["hash"]
        assert http.get(f"/v1/results/{digest}").json()["verdict"]["kind"] == "accepted"
        found = api.store.reconsidering.find(Selection(kind="accepted"))
        api.store.reconsidering.take_back(found, "a secret of the operator's")
        for path in (f"/v1/results/{digest}", f"/v1/results/{digest}/receipt"):
            answer = http.get(path)
            assert answer.status_code == 409, answer.text
            assert "taken back on 20" in answer.json()["detail"]
            assert "accepted" not in answer.text and "secret" not in answer.text
        [item] = http.get(f"/v1/jobs/{job}/items").json()["items"]
        assert item["verdict"] is None and "was taken back" in item["error"]["message"]
        http.post("/v1/checks?wait=20", json={"code": "accept"})
        [item] = http.get(f"/v1/jobs/{job}/items").json()["items"]
        assert item["verdict"]["kind"] == "accepted" and item["error"] is None
        assert http.get(f"/v1/results/{digest}").status_code == 200


def test_the_command_lists_first_and_then_takes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALUDEL_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("ALUDEL_DATABASE_URL", raising=False)
    with Store.open(Settings(data_dir=tmp_path)) as store:
        keys = record(store)

    def call(*arguments: str) -> str:
        result = CliRunner().invoke(db, ["reconsider", *arguments])
        return result.output if result.exception is None else repr(result.exception)

    listed = call("--prover", "fstar", "--kind", "accepted", "--dry-run")
    assert listed.startswith(keys["good"])
    assert "1 verdicts would be taken back; 0 variants and 0 attempts" in listed
    assert "say why" in call("--prover", "fstar")
    assert "select by something" in call("--why", "x")
    assert "2 verdicts taken back" in call("--toolchain", "abab", "--why", "shared folder")
    assert "0 verdicts would" in call("--prover", "fstar", "--since", "2020-01-01", "--dry-run")
    with Store.open(Settings(data_dir=tmp_path)) as store:
        assert store.verdicts.get(keys["good"]) is None
        assert store.verdicts.get(keys["accept"]) is not None
