"""The command line that runs Lean inside the Node host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aludel import lean_checker
from aludel.lean_checker.confinement.plan import Confinement
from aludel.lean_checker.embedded import release
from aludel.lean_checker.node import Node
from aludel.lean_checker.process import ServerCommand

# Node's permissions are about real paths; in a checkout the package is a link.
HOSTS = Path(lean_checker.__file__).resolve().parent / "host"
_NODE_FLAGS = (
    "--allow-natives-syntax",  # the code cache of a WebAssembly module has no other interface
    "--disable-warning=SecurityWarning",  # it says that workers could widen the permissions
    "--permission",
    "--allow-worker",
)


DATA_MB = 16_000
"""What Node may allocate: V8's heaps and caches beside the 2 GB that Lean has at most."""
MAX_FILE_MB = 256


@dataclass(frozen=True)
class Host:
    """An installed Lean and the Node that runs it."""

    root: Path
    kind: Literal["fast", "simple"]
    node: Node

    @property
    def version(self) -> str:
        """The release."""
        return release.VERSION

    @property
    def cache(self) -> Path:
        """The code cache; V8 accepts only its own version's."""
        return self.root / f"code-{self.kind}-{self.node.version}.cache"

    @property
    def programs(self) -> Path:
        """The folder of compiled programs."""
        return self.root / "programs"

    def command(
        self,
        program: Path,
        lean: Sequence[str],
        *,
        search: Mapping[str, Path] | None = None,
        output: Path | None = None,
        write_cache: Path | None = None,
    ) -> ServerCommand:
        """Return the command that runs ``lean`` with these arguments, confined.

        Lean sees the library as ``/lib/lean``, ``program`` as ``/program`` and what ``search``
        names, all read-only, and nothing else. Node itself may read the installation and our host,
        and may write nothing.

        Args:
            program: folder of the program.
            lean: Lean's own arguments, with paths as Lean sees them.
            search: more folders of modules, by their paths as Lean sees them; after the library.
            output: a folder that Lean may write, as ``/out``.
            write_cache: where to write a code cache at the end.
        """
        found = dict(search or {})
        writable = tuple(path for path in (output, write_cache) if path is not None)
        readable = (self.root, HOSTS, program, *found.values(), *writable)
        linked = (path.resolve() for path in self.root.iterdir() if path.is_symlink())
        confinement = Confinement(
            read=(*readable, *linked),
            run=(self.node.path.resolve(),),
            # V8 makes the file of a code cache that is not there
            write=tuple(path if path.is_dir() else path.parent for path in writable),
            data_mb=DATA_MB,
            file_mb=MAX_FILE_MB if writable else 0,
            v8=True,
        )
        options = ["--toolchain", str(self.root), "--program", str(program)]
        options += ["--cache", str(self.cache)]
        for guest, folder in found.items():
            options += ["--search", f"{guest}={folder}"]
        options += ["--output", str(output)] if output else []
        options += ["--write-cache", str(write_cache)] if write_cache else []
        argv = (
            str(self.node.path),
            *_NODE_FLAGS,
            *(f"--allow-fs-read={path}" for path in readable),
            *(f"--allow-fs-write={path}" for path in writable),
            str(HOSTS / f"{self.kind}.cjs"),
            *options,
            "--",
            *lean,
        )
        # Node reads a system-wide configuration of OpenSSL unless told of another
        env = {"OPENSSL_CONF": "/dev/null"}
        return ServerCommand(argv=confinement.command(argv), env=env, cwd=self.root)

    def compile_command(self, folder: Path, source: Path) -> ServerCommand:
        """Return the command that compiles the module at ``folder / source`` beside its source."""
        target = source.with_suffix(".olean").as_posix()
        lean = ("-R", "/program", "-o", f"/out/{target}", f"/program/{source.as_posix()}")
        return self.command(folder, lean, output=folder)

    def run_command(self, folder: Path, main: str, search: Sequence[Path] = ()) -> ServerCommand:
        """Return the command that runs ``main`` of a compiled program.

        ``search``: folders of modules that the program may import besides the library's.
        """
        mounts = {f"/project/{place}": path for place, path in enumerate(search)}
        return self.command(folder, ("--run", f"/program/{main}"), search=mounts)
