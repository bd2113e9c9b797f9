"""What a hostile program leaves in the folder it may write to: counted, bounded, and removed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from aludel.lean_checker.exported.folders import (
    MOST_FILES,
    MOST_LEVELS,
    STALE_S,
    holds_more,
    nameless_bytes,
    remove_folder,
    remove_stale,
)

NOBODY = 65534
_NO_RIGHTS = """
import os, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from aludel.lean_checker.exported.folders import holds_more, remove_folder
if os.geteuid() == 0: os.setuid({nobody})
folder = Path(sys.argv[1])
inner = folder / "inner"
(inner / "below").mkdir(parents=True)
(inner / "file").write_text("x" * 1000)
for rights in (0o300, 0o400):  # not to be listed, and not to be looked at
    inner.chmod(rights)
    assert holds_more(folder, 1e9)
inner.chmod(0)
(folder / "link").symlink_to("/etc/passwd")
remove_folder(folder)
assert not folder.exists()
"""


def nest(folder: Path, levels: int) -> None:
    """Folders in each other, deeper than a path can say."""
    start = os.open(".", os.O_RDONLY)
    try:
        os.chdir(folder)
        for _ in range(levels):
            os.mkdir("a")  # noqa: PTH102 - relative
            os.chdir("a")
        Path("last").write_text("x")
    finally:
        os.fchdir(start)
        os.close(start)


@pytest.mark.parametrize("levels", [MOST_LEVELS + 2, 995, 3_000])
def test_folders_in_folders_are_over_the_bound_and_removed(levels: int, tmp_path: Path) -> None:
    folder = tmp_path / "module"
    folder.mkdir()
    nest(folder, levels)
    assert holds_more(folder, 1e9)
    remove_folder(folder)
    assert not folder.exists()


def test_what_is_counted(tmp_path: Path) -> None:
    for at in range(3):
        (tmp_path / f"{at}" / "inner").mkdir(parents=True)
        (tmp_path / f"{at}" / "inner" / "file").write_bytes(b"x" * 100)
    (tmp_path / "link").symlink_to("/usr")
    (tmp_path / "nowhere").symlink_to("nothing")
    assert holds_more(tmp_path, 299)
    assert not holds_more(tmp_path, 400)
    for at in range(MOST_FILES):
        (tmp_path / f"file-{at}").touch()
    assert holds_more(tmp_path, 1e9)
    remove_folder(tmp_path)
    assert not tmp_path.exists()
    assert not holds_more(tmp_path, 0)


def test_a_folder_that_cannot_be_listed() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "module"
        folder.mkdir()
        if os.geteuid() == 0:  # who may list everything
            for each in (made, folder):
                os.chown(each, NOBODY, NOBODY)
        script = _NO_RIGHTS.format(nobody=NOBODY)
        subprocess.run([sys.executable, "-c", script, folder, *sys.path], check=True)


def test_an_open_file_without_a_name_is_counted(tmp_path: Path) -> None:
    before = nameless_bytes(os.getpid())
    with (tmp_path / "file").open("wb") as file:
        file.truncate(1_000)
        assert nameless_bytes(os.getpid()) == before
        (tmp_path / "file").unlink()
        assert nameless_bytes(os.getpid()) == before + 1_000
    assert nameless_bytes(0) == 0


def test_what_a_killed_service_left_is_removed(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name / "inner").mkdir(parents=True)
    long_ago = time.time() - STALE_S - 1
    os.utime(tmp_path / "old", (long_ago, long_ago))
    remove_stale(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["new"]
    remove_stale(tmp_path / "nothing")
