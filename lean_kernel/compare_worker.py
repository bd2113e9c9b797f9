"""A process that compares two exports, writes the proof as tables for another kernel, and ends.

``python -m aludel.lean_kernel.compare_worker MEGABYTES SECONDS``: on stdin a line of JSON (`steps`,
`theorem`, `axioms`, and the `sizes` in bytes of challenge and solution), then both exports. On
stdout a line before anything of that is read, then the comparison as one line of JSON, and, where
the theorem is proved, `tables` bytes of tables: all that the solution declares, over nothing.
"""

import io
import json
import sys
from typing import Any, BinaryIO

from .api import DECLINED, OUT_OF_BUDGET, Outcome
from .budget import Budget, run_deep
from .compare import Comparison, compare
from .declarations import Declaration, InductiveBlock
from .environment import Quotient
from .errors import Declined, OutOfBudget
from .export_worker import READY, limit_process
from .ndjson import read_export
from .shown import comparison_object
from .store import Store
from .tables import write_tables

Question = dict[str, Any]


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answers the one question."""
    sink.write(READY)
    sink.flush()
    question = json.loads(source.readline())
    challenge, solution = (source.read(size) for size in question["sizes"])
    tables: tuple[bytes, int] = (b"", 0)
    try:
        wanted, allowed = tuple(question["theorem"]), [tuple(n) for n in question["axioms"]]
        steps = question["steps"]
        found = compare(_lines(challenge), _lines(solution), [wanted], allowed, steps)
        if found.outcome.accepted:
            tables = run_deep(lambda: _tables(solution, steps))
    except MemoryError:
        found = Comparison(Outcome(OUT_OF_BUDGET, message="memory"))
    except OutOfBudget as e:
        found = Comparison(Outcome(OUT_OF_BUDGET, message=str(e)))
    except Declined as e:
        found = Comparison(Outcome(DECLINED, message=str(e)))
    head = {**comparison_object(found), "tables": len(tables[0]), "count": tables[1]}
    sink.write(json.dumps(head).encode() + b"\n" + tables[0])
    sink.flush()


def _lines(export: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(export), "utf-8", "surrogateescape")


def _tables(export: bytes, steps: int) -> tuple[bytes, int]:
    """The tables of an export that was accepted, and how many declarations they hold.

    Raises:
        Declined: it declares what no table says.
    """
    declared = [d for d in read_export(_lines(export), Store(Budget(steps))) if not _follows(d)]
    if any(_unsafe(d) for d in declared):
        raise Declined("an unsafe or partial declaration")
    return write_tables(declared), len(declared)


def _follows(d: Declaration) -> bool:
    """Whether it is declared with the quotient type, of which tables have one entry."""
    return isinstance(d, Quotient) and d.role != "type"


def _unsafe(d: Declaration) -> bool:
    return d.unsafe or (not isinstance(d, InductiveBlock) and d.partial)


if __name__ == "__main__":
    limit_process(int(sys.argv[1]), int(sys.argv[2]))
    serve(sys.stdin.buffer, sys.stdout.buffer)
