"""The line in which jobs wait: by priority, and among equals fairly between those who submit.

A job's ``place`` grows with every item taken from it. A new job is placed one behind the last new
one of the same key, but never further ahead than just before the front of the line. So keys take
turns item by item, however many jobs or items each of them has, a small job does not wait for a
large one, and whoever was away has nothing saved up.
"""

from __future__ import annotations

from sqlalchemy import Connection, String, bindparam, case, exists, func, or_, select, update

from aludel.jobs import ItemState, JobKind
from aludel.models import Prover
from aludel.projects import is_route
from aludel.store.tables import ApiKeyRow, ItemRow, JobRow

_OPEN = (
    JobRow.kind == bindparam("of_kind"),
    JobRow.finished_at.is_(None),
)
_FRONT = (
    select(JobRow.place)
    .where(*_OPEN, JobRow.rank == bindparam("of_rank"))
    .order_by(JobRow.place)
    .limit(1)
)
_STAND = (
    update(ApiKeyRow)
    .where(ApiKeyRow.id == bindparam("key"))
    .values(
        place=case(
            (ApiKeyRow.place < bindparam("front"), bindparam("front")), else_=ApiKeyRow.place + 1
        )
    )
    .returning(ApiKeyRow.place)
)
# Checks that a prover decides; those that name a toolchain, if it is the worker's own.
DECIDED = (
    ItemRow.prover == bindparam("by"),
    or_(
        ItemRow.toolchain.is_(None),
        ItemRow.toolchain == bindparam("having"),
        bindparam("having", type_=String).is_(None),
    ),
)
# Checks of a project that requests name: its route, and no other.
ROUTED = (ItemRow.prover == bindparam("by"), ItemRow.toolchain == bindparam("having"))
# Problems: those of Lean had no prover named before there were others.
OF_PROVER = func.coalesce(ItemRow.prover, Prover.LEAN.value) == bindparam("by")
_WAITS = (ItemRow.job_id == JobRow.id, ItemRow.state == ItemState.QUEUED.value)
_IN_LINE = select(JobRow.id).where(*_OPEN).order_by(JobRow.rank, JobRow.place).limit(1)
_NEXT = _IN_LINE.where(exists().where(*_WAITS))
_NEXT_CHECK = _IN_LINE.where(exists().where(*_WAITS, *DECIDED))
_NEXT_ROUTED = _IN_LINE.where(exists().where(*_WAITS, *ROUTED))
_NEXT_OF_PROVER = _IN_LINE.where(exists().where(*_WAITS, OF_PROVER))


def place_of(connection: Connection, kind: JobKind, rank: int, key_id: str) -> int:
    """Return where a new job of ``key_id`` stands in the line."""
    front = connection.scalar(_FRONT, {"of_kind": kind.value, "of_rank": rank})
    values = {"key": key_id, "front": 0 if front is None else front - 1}
    return int(connection.execute(_STAND, values).scalar_one())


def next_job(
    connection: Connection, kind: JobKind, prover: Prover | None, toolchain: str | None
) -> str | None:
    """Return the first job in the line with queued items; with ``prover``, items it decides."""
    if prover is None:
        return connection.scalar(_NEXT, {"of_kind": kind.value})
    values = {"of_kind": kind.value, "by": prover.value}
    if kind is JobKind.CHECK:
        statement = _NEXT_ROUTED if is_route(toolchain) else _NEXT_CHECK
        return connection.scalar(statement, {**values, "having": toolchain})
    return connection.scalar(_NEXT_OF_PROVER, values)
