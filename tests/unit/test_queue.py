"""The way to a Celery broker, where publishing fails as kombu lets it fail."""

from __future__ import annotations

from typing import Any

import pytest
from kombu.exceptions import OperationalError

from aludel.errors import BackendUnavailable
from aludel.queue import CeleryQueue, broker_app
from aludel.settings import Settings

LOST = AttributeError("'NoneType' object has no attribute 'client'")


class _Broker:
    """What Celery's application answers to each publication."""

    def __init__(self, *answers: Exception | None) -> None:
        self._answers = list(answers)
        self.app = broker_app(Settings(broker_url="redis://127.0.0.1:1/0"))
        self.app.send_task = self._send  # type: ignore[method-assign]

    def _send(self, *_: Any, **__: Any) -> None:
        answer = self._answers.pop(0)
        if answer is not None:
            raise answer

    @property
    def left(self) -> int:
        return len(self._answers)


def test_a_channel_that_another_thread_closed_is_no_fault() -> None:
    broker = _Broker(LOST, LOST, None)
    CeleryQueue(broker.app).send("task", ["job"], "queue")
    assert broker.left == 0


def test_a_broker_that_is_gone_is_told_at_once() -> None:
    broker = _Broker(LOST, OperationalError("refused"), None)
    with pytest.raises(BackendUnavailable, match="refused"):
        CeleryQueue(broker.app).send("task", ["job"], "queue")
    assert broker.left == 1


def test_an_error_of_our_own_is_not_hidden() -> None:
    with pytest.raises(AttributeError, match="ours"):
        CeleryQueue(_Broker(*[AttributeError("ours")] * 9).app).send("task", ["job"], "queue")
