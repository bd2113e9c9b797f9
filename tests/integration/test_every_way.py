"""Forty hurtful texts by every way to one service: the same verdict, and no error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from every_way import Told, as_answers, as_they_are, rewards
from fake_verify import ByLastWord
from hurtful import HURTFUL
from live_api import live_api

import aludel.provers
from aludel.lean_checker.prover import LeanProver
from aludel.settings import Settings, load_settings

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
TEXTS = list(HURTFUL.values())
REWARDS = {"accepted": 1.0, "rejected": 0.0, "undecided": None}


def the_same(told: dict[str, list[Told]]) -> list[Told]:
    """Return the verdict on each text, which every way must tell."""
    ways = {way: dict(zip(HURTFUL, found, strict=True)) for way, found in told.items()}
    first = next(iter(ways.values()))
    for way, found in ways.items():
        assert {n: t for n, t in found.items() if t != first[n]} == {}, (way, first)
    return list(first.values())


@pytest.mark.lean
def test_texts_as_they_are_on_the_real_lean(
    lend_lean: Callable[..., LeanProver], tmp_path: Path
) -> None:
    chosen = {"data_dir": tmp_path, "database_url": "", "pool_size": 2}
    with live_api(load_settings().model_copy(update=chosen), lend_lean) as api:
        assert len(the_same(as_they_are(api.url, TEXTS))) == 40


@pytest.mark.lean
@pytest.mark.usefixtures("shared_lean")
def test_answers_on_the_real_lean(lend_lean: Callable[..., LeanProver], tmp_path: Path) -> None:
    chosen = {"data_dir": tmp_path, "database_url": "", "pool_size": 2}
    with live_api(load_settings().model_copy(update=chosen), lend_lean) as api:
        told = dict(zip(HURTFUL, answers_are_told_alike(api.url, tmp_path), strict=True))
    assert told["fence"] == told["lemma"] == told["thought"] == ("accepted", None)


def test_answers_to_a_statement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aludel.provers, "build_prover", lambda *_: ByLastWord())
    with live_api(Settings(data_dir=tmp_path, pool_size=2), lambda _: ByLastWord()) as api:
        answers_are_told_alike(api.url, tmp_path)


def answers_are_told_alike(url: str, folder: Path) -> list[Told]:
    """Return the verdict on each answer, which every way and every trainer must tell."""
    told = the_same(as_answers(url, TEXTS, folder))
    assert len(told) == 40
    expected = [REWARDS[kind] for kind, _ in told]
    for way, found in rewards(url, TEXTS).items():
        assert found == expected, way
    return told
