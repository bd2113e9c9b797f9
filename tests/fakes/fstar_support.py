"""What the F* suites share: sessions on the stand-ins, and the real binary when there is one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from aludel.errors import ToolchainMissing
from aludel.fstar_checker.checker import FStarChecker, build_checker
from aludel.fstar_checker.pool import FStarPool, Key
from aludel.fstar_checker.process import FStarProcess
from aludel.fstar_checker.session import Session
from aludel.fstar_checker.toolchain import HOW_TO_GET
from aludel.models import CheckRequest, FStarContext, Prover, Toolchain
from aludel.settings import Settings, load_settings

FAKES = Path(__file__).parent
TRANSCRIPTS = FAKES.parent / "data" / "fstar" / "transcripts"
FAKE_TOOLCHAIN = Toolchain(
    prover=Prover.FSTAR, name="fstar", version="0.0.0-fake", kind="native", digest="e" * 64
)


def replay(transcript: str, folder: Path, speed: float = 0.0) -> Session:
    """Start the real session code on a recorded session."""
    path = TRANSCRIPTS / f"{transcript}.jsonl"
    command = [sys.executable, "-I", str(FAKES / "fstar_replay.py"), str(path), str(speed)]
    return Session(FStarProcess(command, folder, 2_000, os.environ))


def fake_session(folder: Path, *features: str, memory_mb: int = 2_000) -> Session:
    """Start the real session code on the hand-written stand-in."""
    command = [sys.executable, "-I", str(FAKES / "fstar_fake.py"), *features]
    return Session(FStarProcess(command, folder, memory_mb, os.environ))


def fake_checker(
    folder: Path, *features: str, size: int = 1, memory_mb: int = 2_000
) -> FStarChecker:
    """Return the real checker and pool over hand-written stand-ins."""
    settings = Settings(process_memory_mb=memory_mb, data_dir=folder)

    def start(key: Key) -> Session:
        return fake_session(folder, *features, memory_mb=memory_mb)

    pool = FStarPool(
        start,
        size=size,
        max_requests=settings.process_max_requests,
        memory_mb=memory_mb,
        checked_files="push-partial-checked-file" in features,
    )
    return FStarChecker(pool, FAKE_TOOLCHAIN, settings)


def real_checker() -> FStarChecker:
    """Return a checker on a real F*, or skip with how to get one."""
    try:
        return build_checker(load_settings())
    except ToolchainMissing as error:
        pytest.skip(f"no F*: {error.message}; {HOW_TO_GET}")


def ask(statement: str | None, code: str, **context: object) -> CheckRequest:
    """Return a request in a small module that opens lists and multiplication."""
    fields = {"module": "Test", "opens": ("FStar.List.Tot", "FStar.Mul"), **context}
    return CheckRequest(context=FStarContext.model_validate(fields), statement=statement, code=code)
