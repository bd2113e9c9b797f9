"""Makes an environment with the base wheel and TRL, and runs the smoke test in it.

Usage: ``python tests/smoke/trl_env.py FOLDER [PIP OPTION...]``; the environment in FOLDER is made
once, the wheel is built and installed each time. The service runs on the real Lean.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "fakes"))

from built import build, copy_of_tree, unpack  # noqa: E402 - after the path is set
from service_process import Service  # noqa: E402

REQUIREMENTS = HERE / "trl.txt"


def prepare(folder: Path, options: list[str]) -> Path:
    """Make the environment, unless it is there; return its Python."""
    python, done = folder / "bin" / "python", folder / ".installed"
    if not done.exists() or done.read_text() != REQUIREMENTS.read_text():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        _pip(python, *options, "--requirement", str(REQUIREMENTS))
        done.write_text(REQUIREMENTS.read_text())
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        sdist = build(copy_of_tree(out / "tree"), "sdist", out)
        wheel = build(unpack(sdist, out / "sdist"), "wheel", out)
        _pip(python, str(wheel))
        _pip(python, "--no-deps", "--force-reinstall", str(wheel))
    return python


def _pip(python: Path, *words: str) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *words], check=True)


def main() -> int:
    """Return the exit code of the smoke test."""
    python = prepare(Path(sys.argv[1]).resolve(), sys.argv[2:])
    with tempfile.TemporaryDirectory() as name:
        service = Service(Path(name), real=True, ALUDEL_POOL_SIZE="1")
        try:
            service.start("serve")
            service.ready()
            url = f"http://127.0.0.1:{service.port}"
            # `-I`: what is imported is what is installed, whatever PYTHONPATH says.
            done = subprocess.run([python, "-I", HERE / "trl_reward.py", url], check=False)
        finally:
            service.close()
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
