"""Makes an environment with the base wheel and the trainers: TRL, verl and OpenRLHF.

Usage: ``python tests/smoke/environment.py FOLDER [PIP OPTION...]``; the environment in FOLDER is
made once, the wheel is built and installed each time.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "fakes"))

from built import build, copy_of_tree, unpack  # noqa: E402 - after the path is set

REQUIREMENTS = HERE / "trl.txt"
ALONE = HERE / "trainers.txt"


def prepare(folder: Path, options: list[str]) -> None:
    """Make the environment, unless it is there; install the wheel."""
    python, done = folder / "bin" / "python", folder / ".installed"
    wanted = REQUIREMENTS.read_text() + ALONE.read_text()
    if not done.exists() or done.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        _pip(python, *options, "--requirement", str(REQUIREMENTS))
        _pip(python, "--no-deps", "--requirement", str(ALONE))
        done.write_text(wanted)
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        sdist = build(copy_of_tree(out / "tree"), "sdist", out)
        wheel = build(unpack(sdist, out / "sdist"), "wheel", out)
        _pip(python, str(wheel))
        _pip(python, "--no-deps", "--force-reinstall", str(wheel))


def _pip(python: Path, *words: str) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *words], check=True)


if __name__ == "__main__":
    prepare(Path(sys.argv[1]).resolve(), sys.argv[2:])
