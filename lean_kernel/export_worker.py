"""A process that checks one export, or compares two, and ends.

``python -m aludel.lean_kernel.export_worker MEGABYTES SECONDS``: on stdin a line of JSON (`steps`,
and the `sizes` in bytes of one export, or of two with `theorems` and `axioms`), then the exports.
On stdout a line before anything of that is read, and then the outcome as one JSON object.
"""

import contextlib
import io
import json
import resource
import sys
from pathlib import Path
from typing import Any, BinaryIO

from .api import OUT_OF_BUDGET, Outcome, check_export
from .budget import STACK_BYTES
from .compare import Comparison, compare
from .errors import OutOfBudget
from .shown import comparison_object, outcome_object

READY = b"ready\n"
MAX_ANSWER_BYTES = 4 << 20
_MEGABYTE = 1 << 20

Question = dict[str, Any]


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answers the one question."""
    sink.write(READY)
    sink.flush()
    question = json.loads(source.readline())
    try:
        answer = _answer(question, [source.read(size) for size in question["sizes"]])
        reason = "more names than an answer may hold" if len(answer) > MAX_ANSWER_BYTES else ""
    except MemoryError:
        reason = "memory"
    except OutOfBudget as e:
        reason = str(e)
    sink.write(undecided(question, reason) if reason else answer)
    sink.flush()


def _answer(question: Question, exports: list[bytes]) -> bytes:
    texts = [io.TextIOWrapper(io.BytesIO(e), "utf-8", "surrogateescape") for e in exports]
    if len(texts) == 1:
        return _encoded(outcome_object(check_export(texts[0], question["steps"])))
    theorems, axioms = ([tuple(n) for n in question[key]] for key in ("theorems", "axioms"))
    found = compare(texts[0], texts[1], theorems, axioms, question["steps"])
    return _encoded(comparison_object(found))


def undecided(question: Question, reason: str) -> bytes:
    """The answer where a limit of the process was met."""
    outcome = Outcome(OUT_OF_BUDGET, message=reason)
    if len(question["sizes"]) == 1:
        return _encoded(outcome_object(outcome))
    return _encoded(comparison_object(Comparison(outcome)))


def _encoded(value: dict[str, object]) -> bytes:
    return json.dumps(value).encode()


def limit_process(megabytes: int, seconds: int) -> None:
    """Limits what this process may take, beside the stack of its deep thread."""
    memory = megabytes * _MEGABYTE + STACK_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):  # where memory runs out, this process is to give way
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


if __name__ == "__main__":
    limit_process(int(sys.argv[1]), int(sys.argv[2]))
    serve(sys.stdin.buffer, sys.stdout.buffer)
