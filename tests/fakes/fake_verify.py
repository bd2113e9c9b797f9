"""``aludel verify`` as it is, with a fake prover that decides by the last word of a candidate.

Usage: ``python fake_verify.py SECONDS WORD...``: how long each check takes, and the words of the
command line.
"""

from __future__ import annotations

import sys
import time

from fake_checker import TOOLCHAIN, FakeChecker

import aludel.provers
from aludel.candidates import unfit
from aludel.cli.main import main
from aludel.models import MAX_CODE_BYTES, CheckRequest, Verdict, content_hash

KNOWN = ("accept", "undecided", "invalid", "crash", "unavailable")


class ByLastWord(FakeChecker):
    """Decides by the last word, which is the proof; what it does not know, it rejects."""

    size = 2

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self._seconds = seconds

    def check(self, request: CheckRequest) -> Verdict:
        time.sleep(self._seconds)
        asked = request
        if unfit(request.code, MAX_CODE_BYTES) is None:
            last = request.code.split()[-1]
            word = last if last in KNOWN else "reject"
            asked = request.model_copy(update={"code": f"{word} {request.code}"})
        key = content_hash(TOOLCHAIN.digest, request)
        return super().check(asked).model_copy(update={"hash": key})


if __name__ == "__main__":
    seconds = float(sys.argv.pop(1))
    aludel.provers.build_prover = lambda *_: ByLastWord(seconds)
    sys.argv.insert(1, "verify")
    main()
