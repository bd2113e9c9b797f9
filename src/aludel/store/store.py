"""The store as one object."""

from __future__ import annotations

from datetime import datetime
from types import TracebackType
from typing import Self

from aludel.settings import Settings
from aludel.store.attempts import Attempts
from aludel.store.clock import Clock, utc_now
from aludel.store.control import Control
from aludel.store.corpus import Theorems, Variants
from aludel.store.corpus_view import CorpusView
from aludel.store.database import Database
from aludel.store.jobs import Jobs
from aludel.store.keys import ApiKeys
from aludel.store.leases import Items
from aludel.store.migrate import migrate
from aludel.store.proof_states import ProofStates
from aludel.store.reconsidering import Reconsidering
from aludel.store.retention import prune_jobs, prune_verdicts
from aludel.store.toolchains import Toolchains
from aludel.store.verdicts import Verdicts


class Store:
    """The store of requests and results, safe to use from several threads and processes.

    Not across a fork: open a store of its own in each process.

    Attributes:
        toolchains, theorems, verdicts, variants, jobs, items, keys, attempts: the tables.
        proof_states: the tactics of accepted proofs.
        control: changes of mind about jobs.
        reconsidering: changes of mind about verdicts.
        view: the corpus at a glance.
        database: for backups and migrations.
    """

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self.database = self._database = database
        self.toolchains = Toolchains(database, clock)
        self.theorems = Theorems(database)
        self.verdicts = Verdicts(database, clock)
        self.variants = Variants(database, clock)
        self.jobs = Jobs(database, clock)
        self.items = Items(database, clock)
        self.control = Control(database, clock)
        self.reconsidering = Reconsidering(database, clock)
        self.keys = ApiKeys(database, clock)
        self.view = CorpusView(database)
        self.attempts = Attempts(database, clock)
        self.proof_states = ProofStates(database, clock)

    @classmethod
    def open(cls, settings: Settings, clock: Clock = utc_now) -> Self:
        """Open the database of ``settings``, creating or upgrading it as needed.

        Raises:
            InvalidRequest: the database URL is wrong.
            StoreError: the database cannot be used, or is from a newer version.
        """
        database = Database(settings.store_url)
        try:
            migrate(database)
        except BaseException:
            database.close()
            raise
        return cls(database, clock)

    def prune(self, before: datetime, *, verdicts: bool = False) -> tuple[int, int]:
        """Remove jobs that ended before a time, and ``verdicts`` that nothing refers to any more.

        Returns:
            How many jobs and verdicts were removed.

        Raises:
            StoreError: the database cannot be written.
        """
        jobs = prune_jobs(self.database, before)
        return jobs, prune_verdicts(self.database, before) if verdicts else 0

    def close(self) -> None:
        """Close every connection; safe to call twice."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
