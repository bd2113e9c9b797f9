"""A worker that checks questions over trusted libraries, in a process of its own.

``python -m aludel.lean_kernel.worker MEGABYTES``: on stdin a line of JSON for each question
(``folder`` of the library, ``digest`` of the question, the name ``asked``, ``steps``, and the
number of ``bytes`` that follow it), then the question's tables; on stdout a line of JSON for each
answer. The worker ends with its input.
"""

import gc
import json
import resource
import sys
from pathlib import Path
from typing import BinaryIO

from .api import Outcome, check_question
from .budget import Budget
from .library import Library
from .names import show
from .question import Question

MEGABYTE = 1 << 20
MAX_LIBRARIES = 3


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answers questions until the input ends."""
    libraries: dict[str, Library] = {}
    while line := source.readline():
        request = json.loads(line)
        tables = source.read(request["bytes"])
        library = _library(libraries, request["folder"])
        question = Question(tables, request["digest"], tuple(request["asked"]), {})
        outcome = check_question(library, question, Budget(request["steps"]))
        sink.write(json.dumps(_shown(outcome)).encode() + b"\n")
        sink.flush()
        _forget_garbage()


def _library(libraries: dict[str, Library], folder: str) -> Library:
    """The library in a folder, opened once; the one opened first gives way to a fourth."""
    if folder not in libraries:
        while len(libraries) >= MAX_LIBRARIES:
            del libraries[next(iter(libraries))]
            gc.unfreeze()
        libraries[folder] = Library(Path(folder))
        _forget_garbage()
    return libraries[folder]


def _forget_garbage() -> None:
    """Collects what one question left behind. What is left then is the libraries', and stays.

    No collection takes place while a question is checked: it would find nothing again and again
    among terms that are all in use, for a third of the time.
    """
    gc.collect()
    gc.freeze()


def _shown(outcome: Outcome) -> dict[str, object]:
    return {
        "verdict": outcome.verdict,
        "rule": outcome.rule,
        "message": outcome.message[:500],
        "steps": outcome.steps,
        "declarations": outcome.declarations,
        "axioms": [show(name) for name in outcome.axioms],
    }


def main(megabytes: int) -> None:
    """Limits the process, then serves its standard streams."""
    limit = megabytes * MEGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.disable()
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main(int(sys.argv[1]))
