"""One Lean server process: started, asked over JSON lines, measured, killed and reaped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ServerCommand:
    """How to start one Lean server process.

    Attributes:
        argv: program and arguments; never passed through a shell.
        env: the whole environment of the process (nothing is inherited).
        cwd: working directory of the process.
    """

    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: Path
