"""``POST /v1/audits``: by clients, for keys, and what is wrong with requests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from fake_prover import FakeProver
from live_api import LiveApi, live_api

from aludel.api.audit_runs import KeyedAudits
from aludel.auditing import AuditReport, LeanAuditor
from aludel.audits import MAX_AUDITS, Answer, AuditRow, AuditSubmission
from aludel.cli.main import cli
from aludel.client import AsyncClient, Client
from aludel.errors import QueueFull, QuotaExceeded, ToolchainMissing
from aludel.problems import TheoremProblem
from aludel.settings import Settings
from aludel.store import Store
from aludel.tenants import current_tenant


def problem(name: str, words: str) -> TheoremProblem:
    return TheoremProblem(name=name, statement=f"theorem {name} : {words}")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApi]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("api"))
    with live_api(
        settings,
        lambda _: FakeProver(),
        auditor=lambda prover: LeanAuditor(prover.operations, 2),
    ) as opened:
        yield opened


def post(api: LiveApi, body: Any) -> httpx.Response:
    return httpx.post(f"{api.url}/v1/audits", json=body)


def test_a_row_for_each_statement_in_their_order(api: LiveApi) -> None:
    bad = {"name": "none", "statement": "def f := 1"}
    rows = [problem("a", "vacuous"), problem("b", "x = 1"), problem("c", "x = 1")]
    answer = post(api, {"problems": [bad, *(row.model_dump() for row in rows)]})
    assert answer.status_code == 200
    none, first, second, third = answer.json()["rows"]
    assert none["audit"] is None and none["error"]["fix"]
    assert first["audit"]["vacuous"] == {"answer": "yes", "by": ["(exfalso; omega)"]}
    assert second["audit"]["duplicate"]["answer"] == "no"
    assert third["audit"]["duplicate"]["by"] == ["line 3: b"]


def test_both_clients_ask_in_parts(api: LiveApi) -> None:
    problems = [problem(f"p{n}", f"x = {n % 110}") for n in range(MAX_AUDITS + 20)]
    with Client(api.url) as client:
        rows = client.audit(problems)

    async def ask() -> list[AuditRow]:
        async with AsyncClient(api.url) as client:
            return await client.audit(problems)

    assert rows == asyncio.run(ask())
    assert [row.line for row in rows] == list(range(1, MAX_AUDITS + 21))
    said = [row.name for row in rows if "duplicate" in row.faults]
    assert said == [f"p{n}" for n in range(110, MAX_AUDITS + 20)]


def test_the_command_asks_a_service(api: LiveApi, tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    rows = [problem("a", "vacuous"), problem("b", "x = 1")]
    file.write_text("".join(f"{row.model_dump_json()}\n" for row in rows), encoding="utf-8")
    words = ["audit", str(file), "--server", api.url, "--json", "--most", "vacuous=0"]
    done = CliRunner().invoke(cli, words, standalone_mode=False)
    assert done.exception is None and done.return_value == 1
    report = AuditReport.model_validate_json(done.stdout)
    assert (report.problems, report.clean) == (2, 1)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"problems": []}, "problems"),
        ({"problems": [{"name": "a", "statement": "theorem a : 1 = 1"}] * 101}, "problems"),
        ({"problems": [{"name": "a"}]}, "problems.0.statement"),
        ({"problems": [{"name": "a", "statement": "x"}], "wall_s": 121}, "wall_s"),
        ({"problems": [{"name": "a", "statement": "x"}], "budget": -1}, "budget"),
        ({"problems": [{"name": "a", "statement": "x\0"}]}, "problems.0.statement"),
        ({"problems": [{"name": "a", "statement": "x"}], "more": 1}, "more"),
    ],
)
def test_a_request_that_is_wrong_says_where(api: LiveApi, body: Any, field: str) -> None:
    answer = post(api, body)
    assert answer.status_code == 422
    assert field in answer.json()["field"]


def test_a_service_without_a_prover_says_so(tmp_path: Path) -> None:
    with live_api(Settings(data_dir=tmp_path)) as opened, Client(opened.url) as client:
        with pytest.raises(ToolchainMissing) as caught:
            client.audit([problem("a", "x = 1")])
        assert caught.value.fix


class _Slow:
    """An auditor that waits to be let go."""

    def __init__(self) -> None:
        self.go, self.began = threading.Event(), threading.Semaphore(0)
        self.tenants: list[str] = []

    def audit(
        self,
        problems: Sequence[TheoremProblem],
        *,
        budget: int = 0,
        wall_s: float = 0.0,
        total_s: float | None = None,
    ) -> list[AuditRow]:
        del budget, wall_s
        assert total_s is not None
        self.tenants.append(current_tenant())
        self.began.release()
        assert self.go.wait(30)
        return [AuditRow(name=one.name, line=1) for one in problems]


def test_one_key_has_half_of_the_requests_and_its_quota(store: Store) -> None:
    slow = _Slow()
    audits = KeyedAudits(slow, store, Settings(require_key=True))
    one, _ = store.keys.create("one")
    other, _ = store.keys.create("other")
    third, _ = store.keys.create("third")
    asked = AuditSubmission(problems=(problem("a", "x = 1"),))
    threads = [
        threading.Thread(target=audits.of, args=(key, asked)) for key in (one, one, other, other)
    ]
    for thread in threads:
        thread.start()
        assert slow.began.acquire(timeout=30)
    with pytest.raises(QuotaExceeded):
        audits.of(one, asked)
    with pytest.raises(QueueFull):
        audits.of(third, asked)
    slow.go.set()
    for thread in threads:
        thread.join()
    assert len(audits.of(third, asked)) == 1
    assert slow.tenants == [one.id, one.id, other.id, other.id, third.id]
    small, _ = store.keys.create("small", per_minute=2)
    audits.of(small, AuditSubmission(problems=asked.problems * 2))
    with pytest.raises(QuotaExceeded):
        audits.of(small, asked)


def test_what_there_is_no_time_for_is_undecided() -> None:
    prover = FakeProver()
    auditor = LeanAuditor(prover.operations, 1)
    [row] = auditor.audit([problem("a", "x = 1")], total_s=0.0)
    assert row.audit is not None
    assert row.audit.elaborates.answer is Answer.UNDECIDED
    assert row.audit.vacuous.answer is Answer.UNDECIDED
    assert prover.source.audited == []
