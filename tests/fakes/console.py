"""Pages whose commands are run as they stand there.

``Save as `NAME`:`` and a block make a file. A block of ``console`` holds commands (``$ ``), each
with all that it prints on standard output; ``…`` stands for what differs from run to run, and a
line of it for any lines.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_BLOCK = re.compile(
    r"^(?:Save as `(?P<name>[^`]+)`:\n\n)?```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S
)
_ANY = "…"
_MARK = "\x1e"
_END = "\x1f"


class Command(NamedTuple):
    """A command with the lines that the page shows of it, and the files to be saved before it."""

    line: str
    shown: list[str]
    files: dict[str, str]


class Ran(NamedTuple):
    """A command that was run, and its wall seconds."""

    line: str
    seconds: float


def commands_of(page: str) -> list[Command]:
    """Return the commands of a page, in order."""
    found: list[Command] = []
    files: dict[str, str] = {}
    for block in _BLOCK.finditer(page):
        if block["name"]:
            files[block["name"]] = block["text"]
        elif block["language"] == "console":
            for line in block["text"].splitlines():
                if line.startswith("$ "):
                    found.append(Command(line.removeprefix("$ "), [], files))
                    files = {}
                else:
                    found[-1].shown.append(line)
    assert not files, f"saved after the last command: {sorted(files)}"
    return found


def run_page(page: str, folder: Path, environ: Mapping[str, str], seconds: float) -> list[Ran]:
    """Run a page's commands in one shell, which takes what it started along when it ends.

    Each must succeed, and print what the page shows.
    """
    commands = commands_of(page)
    with (folder / "errors.txt").open("w+b") as errors:
        shell = subprocess.Popen(
            ["bash", "-c", _script(commands)], cwd=folder, env=dict(environ),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True,
        )  # fmt: skip
        try:
            output, _ = shell.communicate(timeout=seconds)
        finally:
            _end(shell.pid)
    parts = [part.split(_END, 1) for part in output.decode().split(_MARK)[1:]]
    told = (folder / "errors.txt").read_text("utf-8")
    assert shell.returncode == 0, f"{commands[len(parts) - 1].line}\n{parts[-1][1]}\n{told}"
    *starts, end = (float(at) for at, _ in parts)
    wrong = [
        f"{command.line} prints\n{printed}"
        for command, (_, printed) in zip(commands, parts, strict=False)
        if not matches(command.shown, printed)
    ]
    assert not wrong, "\n".join([*wrong, told])
    after = [*starts[1:], end]
    return [
        Ran(command.line, stop - start)
        for command, start, stop in zip(commands, starts, after, strict=True)
    ]


def matches(shown: list[str], printed: str) -> bool:
    """Whether a command printed what a page shows."""
    lines = [
        r"(?:.*\n)*?" if line == _ANY else ".*?".join(map(re.escape, line.split(_ANY))) + r"\n"
        for line in map(str.rstrip, shown)
    ]
    ended = printed if printed.endswith("\n") or not printed else f"{printed}\n"
    return re.fullmatch("".join(lines), re.sub(r"[ \t]+\n", "\n", ended)) is not None


def _script(commands: list[Command]) -> str:
    mark = f"printf '{_MARK}%s{_END}' \"$EPOCHREALTIME\""
    script = ["set -euo pipefail"]
    for command in commands:
        script += [_saved(name, text) for name, text in command.files.items()]
        script += [mark, command.line]
    return "\n".join([*script, mark])


def _saved(name: str, text: str) -> str:
    """Return what saves a file, as an editor would."""
    folder = Path(name).parent
    return f"mkdir -p '{folder}'\ncat > '{name}' <<'{_MARK}'\n{text}{_MARK}"


def _end(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
