"""Inspect, lm-eval, verifiers and OpenEnv themselves, each in an environment of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from adapter_env import result_of, run_in
from fake_checker import FakeChecker
from fake_goals import FakeGoals
from harness_cases import ANSWERS, HURTFUL_ANSWERS, SCORES, ByLastWord, write
from live_api import LiveApi, live_api

from aludel.lean_checker.prover import LeanProver
from aludel.models import Usage, Verdict
from aludel.settings import Settings, load_settings
from aludel.workers.app import lean_goals

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

PAGE = (Path(__file__).parents[2] / "docs/how-to/evaluate-with-harnesses.md").read_text("utf-8")
HARNESSES = {
    "inspect-ai": "inspect_program.py",
    "lm-eval": "lm_eval_program.py",
    "verifiers": "verifiers_program.py",
}


def blocks(section: str, kind: str) -> list[str]:
    """Return the blocks of a section of the page, each of at most ten lines."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    found = re.findall(rf"```{kind}\n(.*?)```\n", text, re.S)
    assert found
    assert all(len([line for line in block.splitlines() if line]) <= 10 for block in found)
    return found


def of_the_page() -> dict[str, str]:
    """Return module and command with which verifiers is always run."""
    [module], [command] = blocks("verifiers", "python"), blocks("verifiers", "console")
    return {"PAGE": module, "COMMAND": command.removeprefix("$ ").strip()}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApi]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("harness"), pool_size=2)
    with live_api(settings, lambda _: ByLastWord(), lambda *_: FakeGoals()) as opened:
        yield opened


@pytest.fixture(scope="module")
def lean_api(
    lend_lean: Callable[..., LeanProver], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveApi]:
    chosen = {"data_dir": tmp_path_factory.mktemp("lean"), "database_url": "", "pool_size": 2}
    with live_api(load_settings().model_copy(update=chosen), lend_lean, lean_goals) as opened:
        yield opened


def scored(
    package: str, api: LiveApi, folder: Path, answers: dict[str, str], **variables: str
) -> Any:
    """Return what a harness makes of answers."""
    words = [api.url, *map(str, write(folder, answers))]
    if package == "verifiers":
        variables |= of_the_page()
    return result_of(package, HARNESSES[package], *words, **variables)


@pytest.mark.parametrize("package", HARNESSES)
def test_what_is_not_decided_is_not_scored(package: str, api: LiveApi, tmp_path: Path) -> None:
    told = scored(package, api, tmp_path, ANSWERS)
    assert told["scores"] == SCORES
    assert not told["fault"]
    if package == "verifiers":  # its traces have errors, which its mean leaves out
        assert told["details"]["open"]["errors"] == ["not decided: timeout"]
        assert [told["details"][name]["errors"] for name in ("good", "fenced", "bad")] == [[]] * 3
    else:
        assert told["mean"] == pytest.approx(2 / 3)
        assert told["stderr"] == pytest.approx(1 / 3)


def test_what_inspect_is_told(api: LiveApi, tmp_path: Path) -> None:
    details = scored("inspect-ai", api, tmp_path, ANSWERS)["details"]
    assert details["fenced"]["answer"] == "theorem fenced : True := by\n  accept\n"
    assert details["bad"]["explanation"] == "elaboration"
    assert details["open"]["reason"] == "timeout"
    assert details["good"]["metadata"]["reason"] == "accepted"
    assert all(len(one["metadata"]["hash"]) == 64 for one in details.values())


@pytest.mark.parametrize("package", HARNESSES)
def test_forty_hurtful_texts_are_forty_scores(package: str, api: LiveApi, tmp_path: Path) -> None:
    told = scored(package, api, tmp_path, HURTFUL_ANSWERS, DIRECT="yes")
    assert told["scores"] == dict.fromkeys(HURTFUL_ANSWERS, 0.0)


@pytest.mark.parametrize("package", HARNESSES)
def test_a_fault_of_the_machine_is_no_score(package: str, api: LiveApi, tmp_path: Path) -> None:
    told = scored(package, api, tmp_path, {"fine": "accept", "broken": "crash"})
    assert told["scores"].get("broken") is None
    if package == "verifiers":
        [told["fault"]] = told["details"]["broken"]["errors"]
    assert "the process died" in told["fault"]


LEAN_PROBLEMS = (
    {"name": "swap", "formal_statement": "theorem swap (a b : Nat) : a + b = b + a := by"},
    {"id": "both", "header": "import Init", "theorem": "theorem both (p q : Prop) : p → q → p"},
)
LEAN_ANSWERS = {"swap": "```lean\nomega\n```", "both": "fun h _ => by exact h.elim"}


@pytest.fixture
def lean_words(lean_api: LiveApi, tmp_path: Path) -> list[str]:
    """The arguments that a program has for two problems on the real Lean."""
    problems, answers = tmp_path / "problems.jsonl", tmp_path / "answers.json"
    problems.write_text("\n".join(map(json.dumps, LEAN_PROBLEMS)))
    answers.write_text(json.dumps(LEAN_ANSWERS))
    return [lean_api.url, str(problems), str(answers)]


@pytest.mark.lean
@pytest.mark.parametrize(
    ("package", "section"), [("inspect-ai", "Inspect"), ("lm-eval", "lm-eval")]
)
def test_the_page_s_lines(
    package: str, section: str, lean_words: list[str], tmp_path: Path
) -> None:
    [block] = blocks(section, "python")
    variables = {"PAGE": block, "INSPECT_LOG_DIR": str(tmp_path), "INSPECT_DISPLAY": "none"}
    told = run_in(package, HARNESSES[package], *lean_words, **variables)
    assert told.splitlines()[-1] == "0.5"


@pytest.mark.lean
def test_the_page_s_command_for_lm_eval(lean_words: list[str], tmp_path: Path) -> None:
    [block] = blocks("lm-eval", "console")
    url, problems, _ = lean_words
    command = block.removeprefix("$ ").replace("PROBLEMS", problems).replace('"URL"', f'"{url}"')
    code = "import os, subprocess, sys\n"
    code += "path = os.path.dirname(sys.executable) + os.pathsep + os.environ['PATH']\n"
    code += (
        f"subprocess.run({command!r}, shell=True, check=True, env={{**os.environ, 'PATH': path}})"
    )
    told = run_in("lm-eval", "-", code=code)
    assert re.search(r"\|proved *\|↑ *\| *0\|", told), told


@pytest.mark.lean
def test_the_page_s_module_and_command_for_verifiers(lean_words: list[str]) -> None:
    told = result_of("verifiers", HARNESSES["verifiers"], *lean_words, **of_the_page())
    assert told["scores"] == {"swap": 1.0, "both": 0.0}
    assert {name: one["reason"] for name, one in told["details"].items()} == {
        "swap": "accepted", "both": "elaboration"
    }  # fmt: skip


@pytest.mark.lean
def test_the_page_s_environment(lean_words: list[str]) -> None:
    app, page = blocks("OpenEnv", "python")
    told = run_in("openenv", "openenv_program.py", *lean_words, "5", APP=app, PAGE=page)
    assert told == "['a b : Nat\\n⊢ a + b = b + a']\n1.0 True\n"


EPISODES = {
    "four": ["half", "nonsense", "half", "zap", "zap"],
    "seven": ["dec", "kill", "zap"],
    "three": ["rw?"] * 6,
    "one": ["dec"],
    "wrong": ["zap"],
    "broken": ["zap"],
}
NUMBERS = {"four": 4, "seven": 7, "three": 3, "one": 1, "wrong": 1, "broken": 1}


class _ByTheorem(ByLastWord):
    """Accepts what ``zap`` closed, of some theorems; does not decide what ``dec`` did."""

    def _decide(self, word: str, key: str, usage: Usage) -> Verdict:
        text = self.calls[-1]
        if "theorem broken" in text:
            return FakeChecker._decide(self, "crash", key, usage)
        closed = {"zap": "accept", "dec": "undecided"}[text.split()[-1]]
        known = "reject" if "theorem wrong" in text else closed
        return FakeChecker._decide(self, known, key, usage)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What OpenEnv's client was told, in episodes of at most five steps at one time."""
    folder = tmp_path_factory.mktemp("openenv")
    rows = [{"name": name, "statement": f"theorem {name} : {NUMBERS[name]}"} for name in EPISODES]
    (folder / "problems.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "episodes.json").write_text(json.dumps(EPISODES))
    words = [str(folder / "problems.jsonl"), str(folder / "episodes.json"), "5"]
    settings = Settings(data_dir=folder / "data", pool_size=2)
    goals = FakeGoals()
    with live_api(settings, lambda _: _ByTheorem(), lambda *_: goals) as api:
        told = result_of("openenv", "openenv_program.py", api.url, *words)
    assert goals.open_sessions == 0
    return told


def _rewards(told: Any, name: str) -> list[Any]:
    return [
        "fault" if "fault" in one else (one["reward"], one["done"])
        for one in told["episodes"][name]
    ]


def test_steps_of_openenv_are_rewarded_by_the_checker(played: Any) -> None:
    begun, going = (None, False), (0.0, False)
    assert _rewards(played, "four") == [begun, going, going, going, (1.0, True), "fault"]
    assert _rewards(played, "wrong") == [begun, (0.0, True)]
    assert played["episodes"]["four"][2]["error"] == "it fails"
    assert played["episodes"]["four"][3]["goals"] == ["⊢ 1"]
    assert played["episodes"]["four"][5]["fault"].startswith("Server error: action: no episode")
    assert played["states"]["four"]["tactics"] == ["half", "half", "zap"]
    assert played["states"]["four"]["step_count"] == 4


def test_episodes_of_openenv_without_a_decision_have_no_reward(played: Any) -> None:
    assert _rewards(played, "one") == [(None, False), (None, True)]
    assert played["episodes"]["one"][1]["error"] == "timeout"
    assert _rewards(played, "broken") == [(None, False), "fault"]
    assert "the process died" in played["episodes"]["broken"][1]["fault"]


def test_a_session_that_is_lost_goes_on_where_it_stood(played: Any) -> None:
    rewards = _rewards(played, "seven")
    assert rewards == [(None, False), (0.0, False), (None, False), (1.0, True)]
    _, before, lost, _ = played["episodes"]["seven"]
    assert "the session is over" in lost["error"]
    assert lost["goals"] == before["goals"] == ["⊢ 6"]


def test_an_episode_of_openenv_ends_after_its_steps(played: Any) -> None:
    steps = [(0.0, False)] * 4
    assert _rewards(played, "three") == [(None, False), *steps, (0.0, True), "fault"]
    assert len(played["episodes"]["three"][1]["messages"]) == 3


def test_openenv_finds_the_problems(played: Any) -> None:
    assert [split["name"] for split in played["splits"]] == ["problems"]
    assert played["count"] == {"num_tasks": len(EPISODES)}
    first = {"id": "four", "index": 0, "statement": "theorem four : 4"}
    assert played["first"] == {"task": first}
    assert [task["id"] for task in played["range"]["tasks"]] == ["broken"]
    assert played["none"] == 400
    assert "tactic" in played["schema"]
    assert played["manifest"] == "lean"
    drawn = played["drawn"]
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) > 1


def test_forty_hurtful_texts_are_forty_rewards_of_openenv(api: LiveApi, tmp_path: Path) -> None:
    problems, episodes = tmp_path / "problems.jsonl", tmp_path / "episodes.json"
    problems.write_text('{"statement": "theorem t : 3"}')
    episodes.write_text(json.dumps({"t": list(HURTFUL_ANSWERS.values())}))
    words = [api.url, str(problems), str(episodes), "64"]
    told = result_of("openenv", "openenv_program.py", *words)
    assert _rewards(told, "t") == [(None, False), *[(0.0, False)] * 40]
