"""A prover without a prover: the candidate's own text says what becomes of it.

``accept``, ``reject``, ``undecided``, ``invalid``, ``foreign`` (an unknown import in its header),
``crash`` (as if the process had died), ``unavailable``, ``bug``; ``sleep N`` before it takes N
seconds. Every call is appended to a log file if one is given, so that another process can count
them.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from aludel.candidates import unfit
from aludel.errors import BackendCrashed, BackendUnavailable, InvalidRequest
from aludel.models import (
    MAX_CODE_BYTES,
    Accepted,
    CheckRequest,
    Evidence,
    Prover,
    Rejected,
    RejectReason,
    Toolchain,
    Undecided,
    UndecidedReason,
    Usage,
    Verdict,
    content_hash,
)
from aludel.protocols import CheckerOnly

TOOLCHAIN = Toolchain(
    prover=Prover.LEAN, name="lean-fake", version="0", kind="embedded", digest="f" * 64
)


class FakeChecker(CheckerOnly):
    """Keeps the promises of :class:`aludel.protocols.Checker`."""

    def __init__(self, log: Path | None = None) -> None:
        self.calls: list[str] = []
        self._log = log
        self._closed = threading.Event()
        self._lock = threading.Lock()

    size = 1

    @property
    def toolchain(self) -> Toolchain:
        return TOOLCHAIN

    def check(self, request: CheckRequest) -> Verdict:
        begun = time.monotonic()
        key = content_hash(self.toolchain.digest, request)
        if (why := unfit(request.code, MAX_CODE_BYTES)) is not None:
            return Rejected(hash=key, reason=why.reason, message=why.message)
        self._record(request.code)
        words = request.code.split()
        if words[:1] == ["sleep"]:
            self._closed.wait(float(words[1]))
            words = words[2:]
        if self._closed.is_set():
            raise BackendUnavailable("the pool is closed")
        usage = Usage(wall_s=time.monotonic() - begun, prover_s=time.monotonic() - begun)
        return self._decide((words or [""])[0], key, usage)

    def close(self) -> None:
        self._closed.set()

    def _record(self, code: str) -> None:
        with self._lock:
            if self._log is None:
                self.calls.append(code)
                return
            with self._log.open("a") as log:  # and not in memory, which is measured elsewhere
                log.write(f"{os.getpid()} {code}\n")

    def _decide(self, word: str, key: str, usage: Usage) -> Verdict:
        match word:
            case "accept":
                return Accepted(hash=key, evidence=Evidence(checks=("fake",)), usage=usage)
            case "reject":
                return Rejected(hash=key, reason=RejectReason.ELABORATION, usage=usage)
            case "undecided":
                return Undecided(hash=key, reason=UndecidedReason.TIMEOUT, usage=usage)
            case "invalid":
                raise InvalidRequest("unknown import 'Nope'", field="imports", fix="install it")
            case "foreign":
                raise InvalidRequest(
                    "unknown module prefix 'Mathlib'", field="code", fix="leave it out"
                )
            case "crash":
                raise BackendCrashed("the process died")
            case "unavailable":
                raise BackendUnavailable("no prover")
            case _:
                raise RuntimeError(f"the fake has a bug on purpose: {word}")
