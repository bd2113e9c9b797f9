"""Fixtures that several suites share."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.prover import LeanProver
from aludel.lean_checker.room import Rooms
from aludel.lean_checker.toolchains import LeanToolchain, find_toolchain
from aludel.progress import Progress
from aludel.settings import Settings, load_settings
from aludel.store import Store

FAKES = Path(__file__).parent / "fakes"
sys.path.insert(0, str(FAKES))  # tests import the fakes by name

from fake_second_kernel import FakeSecondKernel, checker_with  # noqa: E402 - likewise
from fake_toolchain import FAKE_SERVER, FakeLeanToolchain  # noqa: E402 - after the path is set
from lake_project import build_orchard  # noqa: E402 - after the path is set
from postgres_server import NEEDS_POSTGRES, Postgres  # noqa: E402

__all__ = ["FAKE_SERVER", "FakeLeanToolchain"]


def pytest_configure() -> None:
    """Undo what a shell does to jobs in the background: their children would ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.fixture
def fake_toolchain() -> FakeLeanToolchain:
    """A Lean toolchain without Lean."""
    return FakeLeanToolchain()


@pytest.fixture
def fake_pool(fake_toolchain: FakeLeanToolchain) -> Iterator[LeanPool]:
    """A pool of at most two fake servers."""
    pool = LeanPool(fake_toolchain, Settings(pool_size=2))
    yield pool
    pool.close()


@pytest.fixture
def fake_checker(fake_pool: LeanPool) -> Iterator[LeanChecker]:
    """A Lean checker on the fake servers."""
    checker = checker_with(fake_pool, Settings(pool_size=2))
    yield checker
    checker.close()


@pytest.fixture
def fake_checkers(
    fake_toolchain: FakeLeanToolchain,
) -> Iterator[Callable[..., LeanChecker]]:
    """Make fake checkers with settings of one's own, or a fake start (``FAKE_START``)."""
    made: list[LeanChecker] = []

    def make(
        start: str = "",
        cases: Path | None = None,
        second: FakeSecondKernel | None = None,
        **settings: object,
    ) -> LeanChecker:
        chosen = Settings.model_validate({"pool_size": 1, **settings})
        toolchain = FakeLeanToolchain(cases, {"FAKE_START": start} if start else {})
        made.append(checker_with(LeanPool(toolchain, chosen), chosen, second))
        return made[-1]

    yield make
    for checker in made:
        checker.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(Settings(data_dir=tmp_path)) as opened:
        yield opened


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server, shared by all tests."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """The name of a database that has the schema, to make others from."""
    url = postgres.create()
    Store.open(Settings(database_url=url)).close()
    return url.rpartition("/")[2]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=NEEDS_POSTGRES)])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings of an empty database: on SQLite, and once more on PostgreSQL."""
    if request.param == "sqlite":
        yield Settings(data_dir=tmp_path)
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.create(request.getfixturevalue("postgres_template"))
    yield Settings(data_dir=tmp_path, database_url=url)
    server.drop(url)


@pytest.fixture(scope="session")
def lean_toolchain() -> LeanToolchain:
    """The real Lean; an error says how to install it. `-m "not lean"` leaves its tests out."""
    return find_toolchain(load_settings())


@pytest.fixture(scope="session")
def orchard(lean_toolchain: LeanToolchain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Lake project, built by the embedded Lean."""
    return build_orchard(tmp_path_factory.mktemp("lake"))


@pytest.fixture(scope="session")
def lean_checker(lean_toolchain: LeanToolchain) -> Iterator[LeanChecker]:
    """A checker on the real Lean with two processes, shared by all tests."""
    settings = Settings(pool_size=2)
    checker = LeanChecker(LeanPool(lean_toolchain, settings), settings)
    yield checker
    checker.close()


class _Borrowed(LeanProver):
    """A prover whose processes outlive it."""

    def close(self) -> None:
        self._sessions.close()


@pytest.fixture(scope="session")
def lend_lean(lean_checker: LeanChecker) -> Callable[..., LeanProver]:
    """What builds a prover, on the suite's Lean processes.

    Starting Lean takes longer than anything else that most tests do with it.
    """

    def build(
        settings: Settings, progress: Progress | None = None, rooms: Rooms | None = None
    ) -> LeanProver:
        return _Borrowed(lean_checker, settings)

    return build


@pytest.fixture
def shared_lean(lend_lean: Callable[..., LeanProver], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what a test runs in its own process use the suite's Lean processes."""
    monkeypatch.setattr("aludel.lean_checker.prover.build_prover", lend_lean)
    monkeypatch.setattr("aludel.lean.build_prover", lend_lean)
