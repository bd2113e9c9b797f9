"""A Lean toolchain whose server is the scripted fake, with the real pool and checker around it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from aludel.lean_checker.process import ServerCommand
from aludel.models import Prover, Toolchain

FAKE_SERVER = Path(__file__).parent / "fake_lean_server.py"


@dataclass(frozen=True)
class FakeLeanToolchain:
    """A toolchain whose server is the scripted fake; see its docstring for what it can do."""

    cases: Path | None = None
    env: dict[str, str] = field(default_factory=dict)

    @property
    def toolchain(self) -> Toolchain:
        return Toolchain(
            prover=Prover.LEAN,
            name="lean-fake",
            version="0.0.0-fake",
            kind="embedded",
            digest="f" * 64,
        )

    def server_command(self) -> ServerCommand:
        arguments = (str(self.cases),) if self.cases else ()
        return ServerCommand(
            argv=(sys.executable, "-I", "-S", str(FAKE_SERVER), *arguments),
            env={"PATH": os.environ["PATH"], **self.env},
            cwd=FAKE_SERVER.parent,
        )
