"""A real server that speaks OpenAI's protocol, `transformers serve`, with a tiny model of its own.

The model is taught one answer in a few steps, so that Lean accepts what comes out at the far end.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import tiny_models

from aludel.problems import TheoremProblem
from aludel.prompts import PROOF_LEAN_1, proof_messages

pytestmark = [pytest.mark.slow, pytest.mark.lean, pytest.mark.timeout(300)]
PROBLEMS = [
    TheoremProblem(name="swap", statement="theorem swap (a b : Nat) : a + b = b + a"),
    TheoremProblem(name="wrong", statement="theorem wrong (a b : Nat) : a + b = a"),
]
COMMAND = "import sys; from transformers.cli.transformers import main; sys.exit(main())"


@contextlib.contextmanager
def served(model: Path, log: Path) -> Iterator[str]:
    """Serve a model on this machine; yield the address up to and with ``/v1``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", COMMAND, "serve", str(model), "--host", "127.0.0.1"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with log.open("wb") as said:
        server = subprocess.Popen(
            [*command, "--port", str(port), "--device", "cpu"],
            env=environment, stdout=said, stderr=said,
        )  # fmt: skip
        try:
            _wait(server, f"http://127.0.0.1:{port}/health", log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            server.wait(30)


def _wait(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    for _ in range(1_200):
        assert server.poll() is None, log.read_text()
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(address, timeout=5).is_success:
                return
        time.sleep(0.1)
    raise AssertionError(f"the server does not answer: {log.read_text()}")


@pytest.mark.long
def test_attempts_through_a_real_server(tmp_path: Path) -> None:
    tiny_models.needs_models()
    for library in ("fastapi", "uvicorn", "openai", "accelerate"):
        pytest.importorskip(library, reason=f"transformers serve needs {library}: make models")
    asked = [proof_messages(PROOF_LEAN_1, problem) for problem in PROBLEMS]
    model = tiny_models.taught(tmp_path / "model", asked, "by omega")
    rows = tmp_path / "problems.jsonl"
    rows.write_text("".join(problem.model_dump_json() + "\n" for problem in PROBLEMS))
    with served(model, tmp_path / "server.log") as url:
        done = subprocess.run(
            [
                sys.executable, "-c", "from aludel.cli.main import main; main()", "attempts", "run",
                str(rows), "--name", "real", "--generator", "openai", "--url", url,
                "--model", str(model), "--samples", "3", "--temperature", "0.1",
                "--max-tokens", "16", "--prompt-price", "1000000", "--json",
            ],
            env={**os.environ, "ALUDEL_DATA_DIR": str(tmp_path), "ALUDEL_POOL_SIZE": "1"},
            capture_output=True, text=True, timeout=250, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["problems"], figures["proved"], figures["tried"]) == (2, 1, 6)
    assert figures["pass_at_k"]["1"]["value"] == pytest.approx(0.5, abs=0.17)
    assert figures["completion_tokens"] >= 6
    assert figures["price"] == pytest.approx(figures["prompt_tokens"], rel=1e-9)
