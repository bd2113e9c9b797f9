"""Every adapter has an example of at most ten lines, and a test that executes it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOW_TO = ROOT / "docs" / "how-to"
TRAIN, EVALUATE, AGENTS, KIMINA = (
    HOW_TO / f"{name}.md"
    for name in (
        "train-with-rewards", "evaluate-with-harnesses", "use-with-agents", "move-from-kimina"
    )
)  # fmt: skip


class Example(NamedTuple):
    """An example: its page, words of each of its blocks, and the test that executes it."""

    page: Path
    words: tuple[str, ...]
    test: str


EXAMPLES = {
    "rl": Example(
        TRAIN, ("aludel.rl import",), "integration/test_examples.py::test_the_page_on_rewards"
    ),
    "adapters.verl": Example(
        TRAIN,
        ("pkg://aludel.adapters.verl",),
        "unit/test_trainers.py::test_the_page_s_options_for_verl",
    ),
    "adapters.openrlhf": Example(
        TRAIN, ("# reward.py",), "unit/test_trainers.py::test_the_page_s_file_for_openrlhf"
    ),
    "api.openrlhf": Example(
        TRAIN,
        ("--reward.remote_url http",),
        "integration/test_trainers.py::test_a_trainer_takes_the_rewards",
    ),
    "api.nemo_gym": Example(
        TRAIN, ("nemo_gym",), "unit/test_trainers.py::test_the_page_s_server_for_nemo_gym"
    ),
    "adapters.inspect_ai": Example(
        EVALUATE, ("import eval",), "integration/test_harnesses.py::test_the_page_s_lines"
    ),
    "adapters.lm_eval": Example(
        EVALUATE, ("lm_eval import",), "integration/test_harnesses.py::test_the_page_s_lines"
    ),
    "adapters.verifiers": Example(
        EVALUATE,
        ("LeanTaskset", "$ vf-eval"),
        "integration/test_harnesses.py::test_the_page_s_module_and_command_for_verifiers",
    ),
    "adapters.openenv": Example(
        EVALUATE,
        ("proof_app", "GenericEnvClient"),
        "integration/test_harnesses.py::test_the_page_s_environment",
    ),
    "mcp_server": Example(
        AGENTS,
        ("from mcp import",),
        "unit/test_mcp_transports.py::test_the_page_s_lines",
    ),
    "api.kimina": Example(
        KIMINA,
        ("KiminaClient",),
        "integration/test_kimina.py::test_the_page_for_who_moves_is_right",
    ),
}  # fmt: skip


@pytest.mark.parametrize("adapter", EXAMPLES)
def test_an_example_has_at_most_ten_lines_and_a_test(adapter: str) -> None:
    page, words, test = EXAMPLES[adapter]
    blocks = re.findall(r"^```\w+\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
    lines = 0
    for word in words:
        [block] = [block for block in blocks if word in block]
        lines += len([line for line in block.splitlines() if line.strip()])
    assert 0 < lines <= 10
    file, _, name = test.partition("::")
    assert f"\ndef {name}(" in (ROOT / "tests" / file).read_text("utf-8")


def test_every_adapter_has_an_example() -> None:
    package = ROOT / "src" / "aludel" / "adapters"
    modules = {f"adapters.{path.stem}" for path in package.iterdir() if path.stem[0] != "_"}
    routes = {
        f"api.{path.stem}"
        for path in (ROOT / "api").glob("*.py")
        if re.search(r'prefix="/compat"|"/api/check"', path.read_text("utf-8"))
    }
    helpers = {"adapters.posing"}
    assert modules - helpers | routes | {"rl", "mcp_server"} == set(EXAMPLES)
