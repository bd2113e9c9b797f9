"""What the adapters for harnesses share, and how they say that a package is missing."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness_cases import ANSWERS, HURTFUL_ANSWERS, SCORES, ByLastWord
from live_api import LiveApi, live_api

from aludel.adapters.posing import judge, judge_all, prompt_of, read_theorems, request_of
from aludel.client.coalescing import service_of
from aludel.errors import BackendUnavailable, ExtraMissing, InvalidRequest
from aludel.models import LeanContext
from aludel.settings import Settings

STATEMENT = "theorem t : True := by"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApi]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("adapters"), pool_size=1)
    with live_api(settings, lambda _: ByLastWord()) as opened:
        yield opened


@pytest.mark.parametrize(
    ("module", "needed", "package"),
    [
        ("inspect_ai", "inspect_ai", "inspect-ai"),
        ("lm_eval.functions", "lm_eval", "lm-eval"),
        ("verifiers", "verifiers", "verifiers"),
        ("openenv", "openenv", "openenv"),
    ],
)
def test_a_missing_package_is_named_with_its_command(
    module: str, needed: str, package: str
) -> None:
    if importlib.util.find_spec(needed) is not None:
        pytest.skip(f"{package} is installed here: pip uninstall {package}")
    with pytest.raises(ExtraMissing, match=package) as caught:
        importlib.import_module(f"aludel.adapters.{module}")
    assert caught.value.fix == f"pip install {package}"


def test_the_folder_of_lm_eval_s_task_needs_no_lm_eval() -> None:
    words = [sys.executable, "-m", "aludel.adapters.lm_eval"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert Path(told.strip(), "lean_problems.yaml").is_file()


def test_problems_in_public_columns(tmp_path: Path) -> None:
    path = tmp_path / "problems.jsonl"
    rows = [
        {"name": "a", "formal_statement": "theorem a : True := by", "header": "import Std\n"},
        {"problem_id": "b", "statement": "import Init\nopen Nat in\ntheorem x : 1 = 1"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    first, second = read_theorems(path)
    assert (first.name, first.imports, first.shown) == ("a", ("Std",), "theorem a : True := by")
    assert (second.name, second.imports) == ("b", ("Init",))
    assert "\n```lean\ntheorem a : True := by\n```\n" in prompt_of(first)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "a"}', '{"statement": "def a := 1"}'])
def test_a_file_that_poses_no_problems_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "problems.jsonl"
    path.write_text(text)
    with pytest.raises(InvalidRequest) as caught:
        read_theorems(path)
    assert caught.value.field == (f"{path}:1" if text else "problems")
    assert caught.value.fix


def test_imports_are_the_problem_s() -> None:
    asked = request_of(STATEMENT, "trivial", ["Init", "Std"], 7)
    assert isinstance(asked.context, LeanContext)
    assert asked.context.imports == ("Init", "Std")
    assert asked.budget.wall_s == 7
    assert request_of(STATEMENT, "trivial", None, 7).context == LeanContext()


def test_answers_are_judged(api: LiveApi) -> None:
    requests = [request_of(STATEMENT, answer, None, 20) for answer in ANSWERS.values()]
    judged = judge_all(requests, api.url)
    assert [one.outcome.reward for one in judged] == list(SCORES.values())
    assert [one.explanation for one in judged] == [
        "accepted", "accepted", "elaboration", "timeout"
    ]  # fmt: skip
    assert [one.code for one in judged] == [request.code for request in requests]
    assert all(len(one.hash) == 64 for one in judged)


def test_forty_hurtful_answers_are_forty_scores(api: LiveApi) -> None:
    async def all_at_once() -> list[float | None]:
        texts = HURTFUL_ANSWERS.values()
        found = await asyncio.gather(*(judge(STATEMENT, text, url=api.url) for text in texts))
        return [one.outcome.reward for one in found]

    assert asyncio.run(all_at_once()) == [0.0] * 40


def test_the_service_is_named_by_the_environment(
    api: LiveApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALUDEL_SERVER", api.url)
    monkeypatch.setenv("ALUDEL_API_KEY", "a key")
    assert service_of() == (api.url, "a key")
    assert service_of("http://elsewhere", "another") == ("http://elsewhere", "another")
    monkeypatch.delenv("ALUDEL_API_KEY")
    [judged] = judge_all([request_of(STATEMENT, "accept", None, 20)])
    assert judged.outcome.reward == 1.0


def test_a_fault_of_the_machine_raises(api: LiveApi) -> None:
    with pytest.raises(BackendUnavailable, match="the process died"):
        asyncio.run(judge(STATEMENT, "crash", url=api.url))
