"""The real service under faults: what is killed, filled, paused; and what must hold afterwards.

A run starts API, Redis, two workers with prover processes, and PostgreSQL or SQLite; submits a
mixed batch; lets faults happen at moments that a seed decides; repairs everything; and checks that
every accepted item has exactly one result.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import problems
import psutil
from postgres_server import Postgres
from redis_server import Redis
from service_process import Service, gone

from aludel import CheckRequest, Client
from aludel.errors import BackendUnavailable
from aludel.jobs import Item, ItemState, Job, JobKind, JobState
from aludel.models import Budget
from aludel.settings import Settings
from aludel.store import JobFilter, Store

LEASE_S = 1.5
PAUSE_S = 2 * LEASE_S
_END_S = 90.0
_FOREVER = psutil.RLIM_INFINITY
# What a candidate of each kind becomes, whatever happens to the machines.
KINDS = {
    "accepted": "-- fake: slow 0.15",
    "rejected": "-- fake: who",
    "undecided": "-- fake: hang",
    "invalid_request": "-- fake: invalid imports",
}


@dataclass
class Report:
    """What a run did and found."""

    seed: int
    database: str
    faults: list[str] = field(default_factory=list)
    items: int = 0
    problems: int = 0
    retaken: int = 0
    given_up: int = 0
    cancelled: int = 0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)


class World:
    """The processes of one run. Every fault ends with its damage repaired."""

    def __init__(self, folder: Path, draw: random.Random, *, postgres: bool) -> None:
        self.folder = folder
        self.draw = draw
        (folder / "redis").mkdir()
        self.redis = Redis(folder / "redis", durable=True)
        self.postgres = Postgres() if postgres else None
        url = ""
        if self.postgres is not None:
            self.postgres.start()
            url = self.postgres.create()
        self.settings = Settings(data_dir=folder, database_url=url, lease_s=LEASE_S)
        environment = {"ALUDEL_DATABASE_URL": url} if url else {}
        self.service = Service(
            folder,
            processes=True,
            ALUDEL_BROKER_URL=self.redis.url,
            ALUDEL_LEASE_S=str(LEASE_S),
            **environment,
        )
        self.api: subprocess.Popen[bytes]
        self.workers: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.service.port}"

    def possible(self) -> list[str]:
        """The faults that can happen here."""
        return [n for n in sorted(FAULTS) if n != "kill_postgres" or self.postgres is not None]

    def start(self) -> None:
        self.redis.start()
        self._begin()
        self.service.ready()

    def _begin(self) -> None:
        self.api = self.service.start("serve")
        self.workers = [self.service.start("worker") for _ in range(2)]

    def supervise(self) -> None:
        """Start again what has ended, as an operator's supervisor does.

        A process that starts while its database is away says so and ends.
        """
        if self.api.poll() is not None:
            self.api = self.service.start("serve")
        for number, worker in enumerate(self.workers):
            if worker.poll() is not None:
                self.workers[number] = self.service.start("worker")

    def kill_worker(self) -> None:
        number = self.draw.randrange(2)
        _kill(self.workers[number], whole_group=self.draw.random() < 0.5)
        self._breathe()
        self.workers[number] = self.service.start("worker")

    def kill_prover(self) -> None:
        provers = [process for worker in self.workers for process in _provers(worker.pid)]
        if provers:
            with contextlib.suppress(psutil.NoSuchProcess):
                self.draw.choice(provers).kill()

    def kill_redis(self) -> None:
        self.redis.stop()
        self._breathe()
        self.redis.start()

    def wipe_redis(self) -> None:
        self.redis.stop()
        self.redis.forget()
        self._breathe()
        self.redis.start()

    def kill_api(self) -> None:
        _kill(self.api, whole_group=True)
        self._breathe()
        self.api = self.service.start("serve")

    def kill_postgres(self) -> None:
        assert self.postgres is not None
        self.postgres.kill()
        self._breathe()
        self.postgres.start()

    def pause_worker(self) -> None:
        """Longer than its leases, which others take meanwhile."""
        worker = self.draw.choice(self.workers)
        family = [worker.pid, *(p.pid for p in _family(worker.pid))]
        _signal(family, signal.SIGSTOP)
        time.sleep(PAUSE_S)
        _signal(family, signal.SIGCONT)

    def fill_disk(self) -> None:
        """No file of the service may grow, as on a full disk: the kernel's limit on file sizes."""
        roots = [self.api.pid, *(worker.pid for worker in self.workers)]
        processes = [p for root in roots for p in (*_processes(root), *_family(root))]
        _limit_files(processes, 4_096)
        time.sleep(self.draw.uniform(0.5, 1.5))
        _limit_files(processes, _FOREVER)

    def restart_everything(self) -> None:
        for process in (self.api, *self.workers):
            _kill(process, whole_group=True)
        self.redis.stop()
        if self.postgres is not None:
            self.postgres.kill()
            self.postgres.start()
        self.redis.start()
        self._begin()

    def close(self) -> list[str]:
        """End everything; return what outlived its end."""
        processes = [self.api, *self.workers]
        families = [p for process in processes for p in _family(process.pid)]
        for process in processes:
            if process.poll() is None:
                process.terminate()
        for process in processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                families.append(psutil.Process(process.pid))
        stayed = [] if gone(families, 20) else [str(p) for p in families if p.is_running()]
        self.service.close()
        self.redis.stop()
        if self.postgres is not None:
            self.postgres.stop()
        return stayed

    def _breathe(self) -> None:
        time.sleep(self.draw.uniform(0.0, 1.0))


FAULTS: dict[str, Callable[[World], None]] = {
    name: getattr(World, name)
    for name in (
        "kill_worker",
        "kill_prover",
        "kill_redis",
        "wipe_redis",
        "kill_api",
        "kill_postgres",
        "pause_worker",
        "fill_disk",
        "restart_everything",
    )
}


def run(seed: int, *, faults: int = 4, items: int = 150) -> Report:
    """Carry out one run."""
    draw = random.Random(seed)
    report = Report(seed, draw.choice(("sqlite", "postgresql")))
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="aludel-faults-") as folder:
        world = World(Path(folder), draw, postgres=report.database == "postgresql")
        try:
            world.start()
            with _submitting(world, draw, items) as jobs:
                for name in draw.sample(world.possible(), faults):
                    time.sleep(draw.uniform(0.05, 0.8))
                    report.faults.append(name)
                    FAULTS[name](world)
            _check(world, report, jobs)
        except AssertionError as error:
            report.violations.append(str(error))
        finally:
            stayed = world.close()
            report.violations += [f"outlived its end: {process}" for process in stayed]
            if report.violations:
                report.violations.append(world.service.output()[-20_000:])
    report.seconds = round(time.monotonic() - begun, 1)
    return report


@contextlib.contextmanager
def _submitting(world: World, draw: random.Random, items: int) -> Iterator[list[Job]]:
    """Submit three jobs beside the faults, one of which is cancelled; wait for them at the end."""
    jobs: list[Job] = []
    batches = [_batch(draw, number, items // 3) for number in range(3)]
    pauses = [draw.uniform(0.0, 1.0) for _ in range(4)]
    failed: list[BaseException] = []

    def submit() -> None:
        try:
            with Client(world.url, retries=30) as client:
                jobs.append(problems.submit(client, draw, items // 10))
                for batch, pause in zip(batches, pauses, strict=False):
                    jobs.append(client.submit(batch).job)
                    time.sleep(pause)
                client.cancel(jobs[-1].id)
        except BaseException as error:  # noqa: BLE001 - told by the other thread
            failed.append(error)

    thread = threading.Thread(target=submit, name="submit")
    thread.start()
    yield jobs
    deadline = time.monotonic() + _END_S
    while thread.is_alive() and time.monotonic() < deadline:
        world.supervise()
        thread.join(0.5)
    assert not thread.is_alive(), "submitting never ended"
    assert not failed, f"submitting failed: {failed}"


def _batch(draw: random.Random, number: int, size: int) -> list[CheckRequest]:
    kinds = draw.choices(list(KINDS), weights=[20, 5, 1, 1], k=size)
    return [
        CheckRequest(
            statement=f"theorem t{number}_{i} : True",
            code=f"theorem t{number}_{i} : True := trivial {KINDS[kind]}",
            budget=Budget(wall_s=1 if kind == "undecided" else 60),
            metadata={"kind": kind},
        )
        for i, kind in enumerate(kinds)
    ]


def _ends(world: World, job: Job) -> bool:
    """Wait for a job; what has ended meanwhile is started again, the API too."""
    deadline = time.monotonic() + _END_S
    with Client(world.url, retries=0) as client:
        while time.monotonic() < deadline:
            world.supervise()
            with contextlib.suppress(BackendUnavailable):
                if client.job(job.id).finished_at is not None:
                    return True
            time.sleep(0.1)
    return False


def _check(world: World, report: Report, jobs: list[Job]) -> None:
    """Wait for the end of the jobs, and see what must hold."""
    report.violations += [f"a job never ended: {job}" for job in jobs if not _ends(world, job)]
    with Store.open(world.settings) as store:
        listed = store.jobs.page(JobFilter(), limit=100)
        if {job.id for job in listed} != {job.id for job in jobs}:
            report.violations.append(f"{len(jobs)} jobs were accepted, {len(listed)} recorded")
        for job in listed:
            if job.kind is JobKind.PROVE:
                report.problems += job.total
                report.violations += problems.violations(store, job)
            else:
                _check_job(store, job, report)


def _check_job(store: Store, job: Job, report: Report) -> None:
    items = store.jobs.items(job.id, limit=10_000)
    report.items += len(items)
    report.retaken += sum(item.attempts > 1 for item in items)
    complain = report.violations.append
    if [item.position for item in items] != list(range(job.total)):
        complain(f"items lost or doubled: {[item.position for item in items]}")
    for item in items:
        _check_item(item, report)
    events = [item.position for _, item in store.jobs.events(job.id, limit=10_000)]
    if sorted(events) != list(range(job.total)):
        complain(f"events lost or doubled: {sorted(events)}")
    counted = {state: sum(item.state is state for item in items) for state in ItemState}
    told = {state: getattr(job.progress, state.value) for state in ItemState}
    if counted != told:
        complain(f"the job counts {told}, its items are {counted}")
    if (job.state is JobState.CANCELLED) != bool(job.progress.cancelled):
        complain(f"a job is {job.state} with {job.progress.cancelled} cancelled items")


def _check_item(item: Item, report: Report) -> None:
    expected = item.metadata["kind"]
    if item.state is ItemState.CANCELLED:
        report.cancelled += 1
        found = expected if item.verdict is None and item.error is None else "a result"
    elif item.error is not None:
        found = item.error.code
        if found.startswith("backend_"):  # five workers died on it: told, and not lost
            report.given_up += 1
            found = expected
    else:
        found = "nothing" if item.verdict is None else item.verdict.kind
    if found != expected:
        report.violations.append(f"item {item.position} is {found}, should be {expected}")


def _processes(pid: int) -> list[psutil.Process]:
    try:
        return [psutil.Process(pid)]
    except psutil.NoSuchProcess:
        return []


def _family(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _provers(pid: int) -> list[psutil.Process]:
    found = []
    for process in _family(pid):
        with contextlib.suppress(psutil.Error):
            if any("fake_lean_server" in part for part in process.cmdline()):
                found.append(process)
    return found


def _kill(process: subprocess.Popen[bytes], *, whole_group: bool) -> None:
    if process.poll() is None:
        if whole_group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _limit_files(processes: list[psutil.Process], size: int) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.rlimit(psutil.RLIMIT_FSIZE, (size, _FOREVER))
