"""The command line that runs Lean inside the Node host."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import lean_checker
from lean_checker.embedded import launch
from lean_checker.node import Node
from lean_checker.process import ServerCommand

HOSTS = Path(lean_checker.__file__).parent / "host"
_NODE_FLAGS = (
    "--allow-natives-syntax",  # the code cache of a WebAssembly module has no other interface
    "--disable-warning=SecurityWarning",  # it says that workers could widen the permissions
    "--permission",
    "--allow-worker",
)


@dataclass(frozen=True)
class Host:
    """An installed Lean and the Node that runs it."""

    root: Path
    kind: Literal["fast", "simple"]
    node: Node

    @property
    def cache(self) -> Path:
        """The code cache; V8 accepts only its own version's."""
        return self.root / f"code-{self.kind}-{self.node.version}.cache"

    def command(
        self,
        program: Path,
        lean: Sequence[str],
        *,
        output: Path | None = None,
        write_cache: Path | None = None,
    ) -> ServerCommand:
        """Return the command that runs ``lean`` with these arguments.

        Lean sees the library as ``/lib/lean`` and ``program`` as ``/program``, both read-only, and
        nothing else. Node itself may read the installation and our host, and may write nothing.

        Args:
            program: folder of the program.
            lean: Lean's own arguments, with paths as Lean sees them.
            output: a folder that Lean may write, as ``/out``.
            write_cache: where to write a code cache at the end.
        """
        readable = [self.root, HOSTS, program, *([output] if output else [])]
        writable = [path for path in (output, write_cache) if path is not None]
        options = ["--toolchain", str(self.root), "--program", str(program)]
        options += ["--cache", str(self.cache)]
        options += ["--output", str(output)] if output else []
        options += ["--write-cache", str(write_cache)] if write_cache else []
        argv = (
            sys.executable,
            "-I",
            "-S",
            str(Path(launch.__file__)),
            str(self.node.path),
            *_NODE_FLAGS,
            *(f"--allow-fs-read={path}" for path in readable),
            *(f"--allow-fs-write={path}" for path in writable),
            str(HOSTS / f"{self.kind}.cjs"),
            *options,
            "--",
            *lean,
        )
        return ServerCommand(argv=argv, env={}, cwd=self.root)
