"""The wheel, built from a copy of this checkout, and environments to put it in."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

from aludel.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
_BUILD = "import sys; from setuptools import build_meta as b; print(b.build_{}(sys.argv[1]))"


def copy_of_tree(target: Path) -> Path:
    """Copy what Git knows, links as links; what is new and not ignored is copied as well."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        if source.is_symlink() or source.exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)
    return target


def build(tree: Path, kind: str, out: Path) -> Path:
    """Build the sdist or the wheel of ``tree``, offline, with the setuptools that is installed."""
    command = [sys.executable, "-c", _BUILD.format(kind), str(out)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out / done.stdout.splitlines()[-1]


def unpack(sdist: Path, target: Path) -> Path:
    """Unpack an sdist and return its folder."""
    with tarfile.open(sdist) as archive:
        archive.extractall(target, filter="data")
    [folder] = target.iterdir()
    return folder


def closure(names: Iterable[str]) -> dict[str, importlib.metadata.Distribution]:
    """Return the installed distributions of ``names`` and all they require, without extras."""
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        try:
            found[name] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system, or another Python
        asked = (one for one in found[name].requires or () if "extra ==" not in one)
        waiting += [re.split(r"[^A-Za-z0-9._-]", one, maxsplit=1)[0] for one in asked]
    return found


def size_of(distributions: Iterable[importlib.metadata.Distribution]) -> int:
    """Return the bytes of all files installed for ``distributions``."""
    files = [Path(file.locate()) for one in distributions for file in one.files or ()]
    return sum(file.stat().st_size for file in files if file.is_file())


def environment(folder: Path, distributions: Iterable[importlib.metadata.Distribution]) -> Path:
    """Make a virtual environment with links to installed distributions; return its ``bin``."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    [packages] = folder.glob("lib/python*/site-packages")
    for one in distributions:
        for top in {file.parts[0] for file in one.files or () if file.parts[0] != ".."}:
            source = Path(one.locate_file(top))
            if source.exists() and not (packages / top).exists() and top != "__pycache__":
                (packages / top).symlink_to(source)
    return folder / "bin"


def install(wheel: Path, bin_folder: Path) -> None:
    """Install a wheel, and nothing else, into the environment of ``bin_folder``."""
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(bin_folder / "python"), "install", "--quiet",
         "--no-index", "--no-deps", "--disable-pip-version-check", str(wheel)],
        check=True,
    )  # fmt: skip


def run(
    program: Path, *arguments: str, folder: Path, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run a program in ``folder``, without this process's ``PYTHONPATH`` and settings."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH" and "ALUDEL" not in k}
    return subprocess.run(
        [str(program), *arguments], cwd=folder, env={**kept, **environ},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def readers_environ(wheel: Path, folder: Path) -> dict[str, str]:
    """Return the variables of a reader's shell, in which pip finds the wheel by its name.

    pip takes the lock file's versions, records go to ``folder``, and ``python3`` is a Python
    without packages.
    """
    left = ("PYTHONPATH", "VIRTUAL_ENV", "ALUDEL_")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(left)}
    constraints = folder / "constraints.txt"
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    versions = re.findall(r"^(\w\S*==[^\\\n]+)", lock, re.M)
    constraints.write_text("\n".join(versions), encoding="utf-8")
    return {
        **kept,
        "ALUDEL_CACHE_DIR": str(load_settings().cache_dir),
        "ALUDEL_DATA_DIR": str(folder / "records"),
        "PATH": f"{sys.base_prefix}/bin:{os.environ['PATH']}",
        "PIP_CONSTRAINT": str(constraints),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_FIND_LINKS": f"{wheel.parent} {os.environ.get('PIP_FIND_LINKS', '')}",
    }
