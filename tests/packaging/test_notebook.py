"""The notebook does what it shows: executed by nbclient in an empty environment, with real Lean.

``make notebook`` stores what it printed.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from built import ROOT, readers_environ
from service_process import free_port

NOTEBOOK = ROOT / "examples" / "quickstart.ipynb"
JUPYTER = ROOT / ".venv" / "notebook"
PORT = "8321"
SECONDS = re.compile(r"\d+\.\d+ s\b")

pytestmark = [
    pytest.mark.lean,
    pytest.mark.long,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not (JUPYTER / ".ready").exists(), reason="needs nbclient (make notebook-env)"
    ),
]


def _environment(folder: Path) -> Path:
    """Make an environment with Jupyter and nothing else; return its programs."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    [jupyter] = JUPYTER.glob("lib/python*/site-packages")
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "jupyter.pth").write_text(f"{jupyter}\n")
    return folder / "bin"


def _executed(wheel: Path, folder: Path) -> dict[str, Any]:
    """Return the notebook, executed on another port."""
    programs = _environment(folder / "env")
    environ = readers_environ(wheel, folder)
    environ["PATH"] = f"{programs}:{environ['PATH']}"
    environ |= {"PIP_QUIET": "2", "JUPYTER_DATA_DIR": str(folder / "jupyter")}
    environ["ALUDEL_PORT"] = port = str(free_port())
    asked, done = folder / "asked.ipynb", folder / "done.ipynb"
    asked.write_text(NOTEBOOK.read_text("utf-8").replace(PORT, port), encoding="utf-8")
    run = subprocess.run(
        [programs / "python", ROOT / "tests/fakes/execute_notebook.py", asked, done],
        cwd=folder, env=environ, capture_output=True, text=True, timeout=800, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    executed: dict[str, Any] = json.loads(done.read_text("utf-8").replace(port, PORT))
    for cell in executed["cells"]:
        cell["metadata"].pop("execution", None)  # times of day
    return executed


def _shown(notebook: dict[str, Any]) -> list[Any]:
    """Return what cells show, whatever the seconds: of a value its HTML, where it has one."""
    outputs = [cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for output in itertools.chain.from_iterable(outputs):
        if "text/html" in output.get("data", {}):
            del output["data"]["text/plain"]  # every field of it, memory and process too
    shown: list[Any] = json.loads(SECONDS.sub("N s", json.dumps(outputs)))
    return shown


def test_its_outputs_are_those_that_are_stored(wheel: Path, tmp_path: Path) -> None:
    executed = _executed(wheel, tmp_path)
    if os.environ.get("NOTEBOOK") == "store":
        text = json.dumps(executed, ensure_ascii=False, indent=1)
        NOTEBOOK.write_text(f"{text}\n", encoding="utf-8")
    assert _shown(executed) == _shown(json.loads(NOTEBOOK.read_text("utf-8")))
