"""The frame of the ``aludel`` command: help, mistyped commands and variables, what is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from aludel.cli.main import COMMANDS, cli
from aludel.settings import OTHER_VARIABLES, Settings, unknown_variables

NO_BROKER = "redis://127.0.0.1:1/0"
HEAVY = {"sqlalchemy", "pydantic", "rich", "httpx", "numpy", "celery", "fastapi"}


def _run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ALUDEL_")}
    return subprocess.run(
        [sys.executable, *words], env={**kept, **environ},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def _groups() -> Iterator[tuple[list[str], click.Group]]:
    yield [], cli
    context = click.Context(cli)
    for name in COMMANDS:
        _, command, _ = cli.resolve_command(context, [name])
        if isinstance(command, click.Group):
            yield [name], command


def test_the_list_of_commands_says_what_the_commands_say() -> None:
    context = click.Context(cli)
    for name, entry in COMMANDS.items():
        _, command, _ = cli.resolve_command(context, [name])
        assert command is not None
        assert (command.name, command.get_short_help_str(1_000)) == (name, entry.summary)


@pytest.mark.parametrize("width", ["40", "80"])
def test_help_cuts_no_sentence(width: str) -> None:
    groups = list(_groups())
    assert len(groups) > 4
    for words, group in groups:
        result = CliRunner().invoke(cli, [*words, "--help"], terminal_width=int(width))
        assert result.exit_code == 0
        body = result.stdout.partition("\n\n")[2]  # without the usage, which says `[ARGS]...`
        assert [line for line in body.splitlines() if line.endswith("...")] == []
        told = " ".join(result.stdout.split())
        for name in group.list_commands(click.Context(group)):
            command = group.get_command(click.Context(group), name)
            assert command is not None
            assert command.get_short_help_str(1_000) in told


@pytest.mark.parametrize(
    ("words", "wrong", "near"),
    [(["chek", "x.lean"], "chek", "check"), (["keys", "lst"], "lst", "list")],
)
def test_a_mistyped_command_suggests_the_right_one(words: list[str], wrong: str, near: str) -> None:
    told = _run("-m", "aludel", *words)
    assert told.returncode == 64
    assert f"No such command '{wrong}'. Did you mean '{near}'?" in told.stderr


def test_help_imports_neither_commands_nor_libraries() -> None:
    code = (
        "import sys, aludel.cli.main as m\n"
        "sys.argv[1:] = ['--help']\n"
        "try: m.main()\n"
        "except SystemExit: print('|'.join(sys.modules), file=sys.stderr)\n"
    )
    told = _run("-c", code)
    assert "Usage: aludel [OPTIONS] COMMAND" in told.stdout
    loaded = set(told.stderr.strip().split("|"))
    assert "aludel.cli.groups" in loaded
    assert loaded & HEAVY == set()
    assert {f"aludel.cli.{entry.module or name}" for name, entry in COMMANDS.items()} & loaded == (
        set()
    )


def test_an_unknown_variable_is_a_warning_with_the_near_name() -> None:
    told = _run("-m", "aludel", "check", "--help", ALUDEL_POOLSIZE="2", ALUDEL_NODE="")
    assert told.returncode == 0
    assert told.stderr == (
        "aludel: warning: ALUDEL_POOLSIZE is not a setting and has no effect; "
        "did you mean ALUDEL_POOL_SIZE?\n"
    )


def test_the_service_warns_in_its_log() -> None:
    told = _run("-m", "aludel", "worker", ALUDEL_PROCESS_MEMORY="2000", ALUDEL_BROKER_URL=NO_BROKER)
    warnings = [json.loads(line) for line in told.stderr.splitlines() if line.startswith("{")]
    [message] = [line["message"] for line in warnings if "ALUDEL" in line["message"]]
    assert message.endswith("did you mean ALUDEL_PROCESS_MEMORY_MB?")
    assert "aludel: warning" not in told.stderr


def test_variables_that_something_reads_are_known() -> None:
    known = {f"ALUDEL_{name.upper()}": "" for name in Settings.model_fields}
    assert list(unknown_variables({**known, **OTHER_VARIABLES, "PATH": "/bin"})) == []
    named = {"ALUDEL_ENDPOINTS": "http://a=ALUDEL_MY_KEY http://b", "ALUDEL_MY_KEY": "k"}
    assert list(unknown_variables(named)) == []
    assert list(unknown_variables({"ALUDEL_QQQ": "", "aludel_port": "1"})) == [
        "ALUDEL_QQQ is not a setting and has no effect; no setting is near it",
        "aludel_port is not a setting and has no effect; did you mean ALUDEL_PORT?",
    ]
