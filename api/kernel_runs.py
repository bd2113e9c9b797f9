"""Exports of Lean put to our own kernel, each in a process of its own that ends with its answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from aludel.errors import BackendCrashed, BackendUnavailable, QueueFull, QuotaExceeded
from aludel.http_models import MAX_EXPORT_S
from aludel.lean_kernel.export_worker import READY, undecided
from aludel.lean_kernel.starting import command, environment
from aludel.settings import Settings
from aludel.store import ApiKey

M = TypeVar("M", bound=BaseModel)

MEMORY_MB = 2_000
_MOST = 4
_START_S = 60.0
_RETRY_S = 5.0
_LOGGED = 2_000

_log = logging.getLogger(__name__)


class KernelRuns:
    """Processes that check exports on behalf of keys; for one event loop.

    Args:
        settings: how many there may be at once, four at most. With keys, one key may have half.
        wall_s: how long one may take.
    """

    def __init__(self, settings: Settings, wall_s: float = MAX_EXPORT_S) -> None:
        self._size = min(_MOST, settings.pool_size or os.cpu_count() or 1)
        self._share = max(1, self._size // 2) if settings.require_key else self._size
        self._running: Counter[str] = Counter()
        self._wall_s = wall_s

    async def ask(
        self, key: ApiKey, model: type[M], question: dict[str, Any], exports: Sequence[bytes]
    ) -> M:
        """Put a question about exports, and return its answer as ``model``.

        A process that takes too long or too much, or ends without an answer, decides nothing: that
        is an answer too.

        Raises:
            QueueFull: as many exports are checked as may be.
            QuotaExceeded: the key has as many under way as it may.
            BackendUnavailable: no process can be started.
        """
        question = {**question, "sizes": [len(export) for export in exports]}
        data = b"".join([json.dumps(question).encode(), b"\n", *exports])
        with self._slot(key):
            try:
                return model.model_validate_json(await _answer(data, self._wall_s))
            except _NoAnswer as lost:
                return model.model_validate_json(undecided(question, str(lost)))
            except ValidationError as error:
                raise BackendCrashed("our kernel answered what is no outcome") from error

    @contextlib.contextmanager
    def _slot(self, key: ApiKey) -> Iterator[None]:
        if self._running[key.id] >= self._share:
            raise QuotaExceeded(
                f"{self._share} exports of the key are under way, as many as may be",
                retry_after_s=_RETRY_S,
            )
        if self._running.total() >= self._size:
            raise QueueFull("as many exports are checked as may be", retry_after_s=_RETRY_S)
        self._running[key.id] += 1
        try:
            yield
        finally:
            self._running[key.id] -= 1


class _NoAnswer(Exception):
    """A process that had begun met a limit; says which."""


async def _answer(data: bytes, wall_s: float) -> bytes:
    process = await _start(wall_s)
    try:
        out, said = await asyncio.wait_for(process.communicate(data), wall_s)
    except TimeoutError as error:
        raise _NoAnswer(f"{wall_s:g} s of time") from error
    finally:
        await _end(process)
    if process.returncode == 0:
        return out
    # What it met is the export's doing: a limit that the system enforces, or a fault of ours.
    tail = said[-_LOGGED:].decode(errors="replace")
    _log.error("our kernel ended with %s on an export: %s", process.returncode, tail)
    raise _NoAnswer("its process ended")


async def _start(wall_s: float) -> asyncio.subprocess.Process:
    """Start a process that has said that it is ready.

    Raises:
        BackendUnavailable: it cannot be started, which is nothing that an export did.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command("export_worker", MEMORY_MB, int(wall_s) + 10),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
            start_new_session=True,
        )
    except OSError as error:
        raise BackendUnavailable(f"our kernel cannot be started: {error}") from error
    assert process.stdout is not None  # noqa: S101 - opened above
    ready = False
    try:
        ready = await asyncio.wait_for(process.stdout.readline(), _START_S) == READY
    except TimeoutError as error:
        raise BackendUnavailable("our kernel does not start in time") from error
    finally:
        if not ready:
            await _end(process)
    if not ready:
        raise BackendCrashed("our kernel does not start")
    return process


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
