"""The confinement of a prover process, and the command line that enforces it."""

from __future__ import annotations

import functools
import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aludel.lean_checker.confinement import launch
from aludel.lean_checker.confinement.loaders import library_folders, loader_of

# What every program needs to load and to look around: nothing that is anybody's.
SYSTEM_READ = (
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/dev/urandom", "/dev/random",
    "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version_signature", "/sys/fs/cgroup",
    "/sys/devices/system/cpu", "/sys/kernel/mm/transparent_hugepage",
)  # fmt: skip
SYSTEM_LOADERS = (
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
)
FILES = 512
CPU_S = 28_800
"""Processor seconds of one prover process; the pool replaces it long before."""


@dataclass(frozen=True)
class Confinement:
    """The limits of one prover process.

    Attributes:
        read: files and folders it may read, besides the system's libraries.
        run: the program itself; nothing else may be executed.
        write: folders it may write; a server has none.
        data_mb: memory it may allocate (mapped library files do not count).
        cpu_s: processor seconds after which the kernel ends it.
        file_mb: largest file it may write.
        required: whether it must not start where files or system calls cannot be confined.
        v8: whether the program is Node and must be told of its stack.
        stack_mb: size of the stack of the first thread; 0 for as much as the system allows.
    """

    read: tuple[Path, ...]
    run: tuple[Path, ...]
    data_mb: int
    write: tuple[Path, ...] = ()
    cpu_s: int = CPU_S
    file_mb: int = 0
    required: bool = False
    v8: bool = False
    stack_mb: int = 0

    def command(self, argv: Sequence[str]) -> tuple[str, ...]:
        """Return the command that runs ``argv`` confined."""
        loader = loader_of(Path(argv[0]))
        own = () if loader is None else library_folders(loader)
        loaders = () if loader is None else (str(loader),)
        plan = {
            "read": [*SYSTEM_READ, *map(str, own), *map(str, self.read)],
            "run": [*SYSTEM_LOADERS, *loaders, *map(str, self.run)],
            "write": ["/dev/null", *map(str, self.write)],
            "data_mb": self.data_mb,
            "cpu_s": self.cpu_s,
            "files": FILES,
            "file_mb": self.file_mb,
            "required": self.required,
            "v8": self.v8,
            "stack_mb": self.stack_mb,
        }
        return (sys.executable, "-I", "-S", launch.__file__, json.dumps(plan), *argv)


@functools.cache
def missing_protection() -> str | None:
    """Say what this system cannot confine, None when it can confine all."""
    if sys.platform != "linux":
        return "only Linux can confine files and system calls"
    if launch.landlock_version() < 1:
        return "the kernel has no Landlock, so files are not confined"
    if platform.machine() not in launch.SYSTEMS:
        return f"no system call filter for {platform.machine()}"
    return None
