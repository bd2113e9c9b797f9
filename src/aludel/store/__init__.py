"""The store: requests, jobs and results in SQL."""

from aludel.distribution import needs

needs("service", "sqlalchemy", "alembic")

from aludel.records import Result
from aludel.store.attempts import RunFilter
from aludel.store.cache import CachedChecker
from aludel.store.corpus import VariantFilter
from aludel.store.jobs import JobFilter, Submission
from aludel.store.keys import ApiKey, Scope
from aludel.store.leases import Claim, Stalled
from aludel.store.store import Store
from aludel.store.toolchains import RegisteredProject, RegisteredToolchain

__all__ = [
    "ApiKey",
    "CachedChecker",
    "Claim",
    "JobFilter",
    "RegisteredProject",
    "RegisteredToolchain",
    "Result",
    "RunFilter",
    "Scope",
    "Stalled",
    "Store",
    "Submission",
    "VariantFilter",
]
