"""Ready means warm: a service whose prover is still starting says so, and takes work already."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from fake_checker import TOOLCHAIN, FakeChecker
from live_api import live_api
from service_process import until

from aludel import Client
from aludel.errors import BackendUnavailable
from aludel.settings import Settings
from aludel.store import Store
from aludel.workers.app import RuntimeHolder, create_app
from aludel.workers.runtime import Parts


class _Slow(FakeChecker):
    """Starts when it is let, and fails to as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__()
        self.started = threading.Event()
        self.failures = failures
        self.asked = threading.Event()

    def warm_up(self) -> None:
        self.asked.set()
        while not self.started.wait(0.01):
            if self._closed.is_set():
                raise BackendUnavailable("the pool is closed")
        if self.failures:
            self.failures -= 1
            raise BackendUnavailable("it did not start")


@pytest.fixture
def settings(tmp_path: object) -> Settings:
    return Settings.model_validate({"data_dir": tmp_path, "pool_size": 1, "lease_s": 0.2})


def _is_ready(url: str) -> Callable[[], bool]:
    return lambda: httpx.get(f"{url}/readyz").status_code == 200


def test_a_service_is_ready_once_its_prover_has_started(settings: Settings) -> None:
    prover = _Slow()
    with live_api(settings, lambda _: prover) as api:
        answer = httpx.get(f"{api.url}/readyz")
        assert answer.status_code == 503
        assert answer.json()["detail"] == "the prover is still starting"
        assert httpx.get(f"{api.url}/healthz").status_code == 200
        with Client(api.url) as client:
            assert client.check("accept").kind == "accepted"  # it waits for nothing but the prover
        prover.started.set()
        until(_is_ready(api.url), "readiness", 10)


def test_a_prover_that_does_not_start_is_started_again(settings: Settings) -> None:
    prover = _Slow(failures=2)
    prover.started.set()
    with live_api(settings, lambda _: prover) as api:
        until(_is_ready(api.url), "readiness", 10)
    assert prover.failures == 0


def test_who_is_told_to_stop_does_not_wait_for_the_prover(settings: Settings) -> None:
    prover = _Slow()
    with live_api(settings, lambda _: prover):
        assert prover.asked.wait(10)
        begun = time.monotonic()
    assert time.monotonic() - begun < 5


@pytest.fixture
def holder(settings: Settings) -> Iterator[tuple[RuntimeHolder, _Slow]]:
    prover = _Slow()
    chosen = settings.model_copy(update={"broker_url": "memory://"})
    _, made = create_app(chosen, Parts(lambda _: prover))
    yield made, prover
    made.close()


def test_a_worker_of_its_own_offers_its_toolchain_once_it_is_warm(
    settings: Settings, holder: tuple[RuntimeHolder, _Slow]
) -> None:
    made, prover = holder
    with Store.open(settings) as store:
        made.get()
        assert prover.asked.wait(10)
        assert store.toolchains.list() == []
        prover.started.set()
        [entry] = until(store.toolchains.list, "the toolchain", 10)
    assert entry.toolchain == TOOLCHAIN
