"""Memory of a process: its own, not the files that it maps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from aludel.lean_checker.meter import MEGABYTE, Meter

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells them apart")
_SIZE = 300 * MEGABYTE
_MAPS = f"""
import mmap, sys
with open(sys.argv[1], "rb") as file:
    pages = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ, flags=mmap.MAP_PRIVATE)
total = sum(pages[at] for at in range(0, {_SIZE}, 4096))
own = bytearray(b"x") * (int(sys.argv[2]) * {MEGABYTE})
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("own", [1, 150])
def test_mapped_files_are_no_memory_of_its_own(tmp_path: Path, own: int) -> None:
    file = tmp_path / "library.olean"
    with file.open("wb") as sparse:
        sparse.truncate(_SIZE)
    argv = [sys.executable, "-I", "-S", "-c", _MAPS, str(file), str(own)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        resident = psutil.Process(process.pid).memory_info().rss / MEGABYTE
        memory = Meter(process.pid).sample().memory_mb
        process.kill()
    assert resident > own + _SIZE / MEGABYTE
    assert own <= memory < own + 60
