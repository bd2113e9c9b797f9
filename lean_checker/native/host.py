"""The command line that runs a native Lean, confined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aludel.lean_checker.confinement.plan import Confinement
from aludel.lean_checker.native.locate import NativeLean
from aludel.lean_checker.process import ServerCommand
from aludel.lean_checker.releases import release_range

MAX_FILE_MB = 256
DATA_MB = 16_000
"""What a process may allocate, used or not; what it uses, the pool watches."""
STACK_MB = 1_000
"""Lean counts its own stack against the limit of the process: without one it checks nothing."""
THREADS = 2
"""Lean starts as many workers as there are processors unless told; a request is one thread's."""


@dataclass(frozen=True)
class NativeHost:
    """A native Lean as a :class:`aludel.lean_checker.program.LeanHost`.

    Attributes:
        lean: the toolchain.
        cache: folder for what is compiled with it.
        required: whether it must not start where the system cannot confine it.
    """

    lean: NativeLean
    cache: Path
    required: bool = True

    @property
    def version(self) -> str:
        """The release."""
        return self.lean.version

    @property
    def programs(self) -> Path:
        """The folder of compiled programs."""
        return self.cache / "programs"

    def compile_command(self, folder: Path, source: Path) -> ServerCommand:
        """Return the command that compiles the module at ``folder / source`` beside its source."""
        file = folder / source
        lean = (*self._module_options, "-R", str(folder), "-o", str(file.with_suffix(".olean")))
        lean = (*lean, str(file))
        return self.command(folder, lean, output=folder)

    def run_command(self, folder: Path, main: str, search: Sequence[Path] = ()) -> ServerCommand:
        """Return the command that runs ``main`` of a compiled program.

        ``search``: folders of modules that the program may import besides the library's.
        """
        lean = (*self._module_options, "--run", str(folder / main))
        return self.command(folder, lean, search=search)

    @property
    def _module_options(self) -> tuple[str, ...]:
        """What our own modules need on the command line of this release."""
        return release_range(self.lean.version).options

    def command(
        self,
        program: Path,
        lean: Sequence[str],
        *,
        search: Sequence[Path] = (),
        output: Path | None = None,
    ) -> ServerCommand:
        """Return the command that runs ``lean`` with these arguments, confined.

        It may read the toolchain, ``program`` and ``search``, execute what the toolchain brings,
        and write to ``output`` alone.
        """
        return self.confined((str(self.lean.lean), *lean), program, search, output)

    def confined(
        self,
        argv: Sequence[str],
        program: Path,
        search: Sequence[Path] = (),
        output: Path | None = None,
        run: Sequence[Path] = (),
    ) -> ServerCommand:
        """Return the command that runs a program of the toolchain as :meth:`command` runs Lean.

        ``run``: programs that it may execute besides the toolchain's.
        """
        root = self.lean.root
        confinement = Confinement(
            read=(root, program, *search),
            run=(root / "bin", *run),
            write=() if output is None else (output,),
            data_mb=DATA_MB,
            file_mb=0 if output is None else MAX_FILE_MB,
            required=self.required,
            stack_mb=STACK_MB,
        )
        # The library first: no module of a project or of ours takes the place of one of Lean's.
        path = ":".join(map(str, (root / "lib" / "lean", *search, program)))
        env = {
            "LEAN_SYSROOT": str(root),
            "LEAN_PATH": path,
            "LEAN_NUM_THREADS": str(THREADS),
        }
        return ServerCommand(argv=confinement.command(argv), env=env, cwd=program)
