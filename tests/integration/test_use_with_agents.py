"""The commands of the page on agents, started by the SDK's client, and used with a real Lean."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/how-to/use-with-agents.md").read_text("utf-8")
# As in a shell where the environment is active.
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "PYTHONPATH": str(ROOT / "src"),
}
OWN, SERVICE = ("mcp",), ("mcp", "--server", "http://127.0.0.1:8321")
COMMON = {"check", "disprove", "open_goal", "try_tactics", "goal", "receipt"}
FALSE = "theorem t (a b : Nat) (h : a < b) (k : b < a) : a = 7"

pytestmark = pytest.mark.lean


def blocks(language: str) -> list[str]:
    """Return the page's blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


def commands() -> list[tuple[str, ...]]:
    """Return the command line of every configuration on the page, in order."""
    servers = [
        server
        for text in blocks("json")
        for configured in json.loads(text).values()
        for server in configured.values()
    ]
    servers += [
        server for text in blocks("toml") for server in tomllib.loads(text)["mcp_servers"].values()
    ]
    added = re.search(r"`claude mcp add aludel -- ([^`]+)`", PAGE)
    assert added
    return [(one["command"], *one["args"]) for one in servers] + [tuple(shlex.split(added[1]))]


def with_client(command: tuple[str, ...], use: Callable[[Client], Awaitable[Any]]) -> Any:
    """Start a command as an agent does, and use it."""

    async def run() -> Any:
        name, *arguments = command
        process = StdioServerParameters(command=name, args=arguments, env=ENVIRONMENT)
        async with Client(process) as client:
            return await use(client)

    return asyncio.run(run())


async def ask(client: Client, tool: str, **arguments: Any) -> Any:
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    return answer.structured_content


def test_every_configuration_starts_the_same_command() -> None:
    found = commands()
    assert len(found) == 5
    assert set(found) == {("aludel", *OWN), ("aludel", *SERVICE)}


def test_the_command_for_a_service(lean_toolchain: object) -> None:
    async def use(client: Client) -> Any:
        return {tool.name for tool in (await client.list_tools()).tools}

    assert with_client(("aludel", *SERVICE), use) == COMMON


def test_the_command_for_a_lean_of_its_own(lean_toolchain: object) -> None:
    async def use(client: Client) -> None:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert tools == COMMON | {"search_lemmas", "mutate", "audit"}
        await _checks(client)
        await _proves(client)
        await _audits(client)

    with_client(("aludel", *OWN), use)


async def _checks(client: Client) -> None:
    statement = "theorem t (a b : Nat) : a + b = b + a"
    code = f"{statement} := by omega"
    found = await ask(client, "check", code=code, statement=statement, timeout_s=180)
    assert found["result"]["kind"] == "accepted"
    assert len(found["result"]["evidence"]["kernels"]) == 2
    found = await ask(client, "check", code=f"{statement} := by rfl", statement=statement)
    assert found["result"]["kind"] == "rejected"
    assert found["result"]["diagnostics"]
    foreign = await ask(client, "check", code="import Mathlib\ntheorem t : True := trivial")
    assert "this toolchain has no Mathlib" in foreign["result"]["message"]
    wrong = await client.call_tool("check", {"code": "x", "statement": "theorem t : Nope"})
    assert wrong.is_error
    assert "statement" in wrong.content[0].text  # type: ignore[union-attr]


async def _proves(client: Client) -> None:
    first = await ask(client, "open_goal", statement="theorem t (a b : Nat) : a + b = b + a")
    at = {"session": first["session"], "state": first["state"]}
    tried = await ask(client, "try_tactics", **at, tactics=["rfl", "rw [Nat.add_comm]", "nonsense"])
    failed, done, no_tactic = tried["steps"]
    assert failed["error"] and no_tactic["error"]
    shown = await ask(client, "goal", session=at["session"], state=done["state"]["state"])
    assert shown["finished"]
    found = await ask(client, "check", code=shown["script"])
    assert found["result"]["kind"] == "accepted"


TEXTS = {"statement", "shape"}


async def _audits(client: Client) -> None:
    clean = await ask(client, "audit", statement="theorem t (a b : Nat) (h : a < b) : a + 1 ≤ b")
    assert {name: one["answer"] for name, one in clean.items() if name not in TEXTS} == {
        "elaborates": "yes",
        "holds_sorry": "no",
        "auto_bound": "no",
        "vacuous": "no",
        "trivial": "yes",
        "unused_hypotheses": "no",
        "unused_variables": "no",
        "false": "no",
        "own_notation": "no",
        "duplicate": "no",
    }
    for statement, name, by in (
        (FALSE, "vacuous", "(exfalso; omega)"),
        ("theorem t (x : ℕ) (y : ℕ) : x = y", "auto_bound", "ℕ"),
        ("theorem t (p : Prop) (h : 1 = 1) : p → p", "trivial", "assumption"),
        ("theorem t (p : Prop) (h : 1 = 1) : p → p", "unused_hypotheses", "h"),
        ("theorem t : 1 = sorry", "holds_sorry", "sorry"),
    ):
        found = await ask(client, "audit", statement=statement)
        assert found[name] == {"answer": "yes", "by": [by]}, statement
    found = await ask(client, "audit", statement="theorem t : Nope")
    assert found["elaborates"]["answer"] == "no"
    assert "Nope" in found["elaborates"]["by"][0]
    text = "theorem t : True := trivial\n#eval IO.println 1\ntheorem u : True"
    refused = await client.call_tool("audit", {"statement": text})
    assert refused.is_error
