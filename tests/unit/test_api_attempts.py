"""Attempts and datasets over HTTP, through the client, on a fake prover."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from click.testing import CliRunner
from fake_attempter import FakeAttempter
from fake_checker import FakeChecker
from live_api import LiveApi, live_api
from some_variants import record_variants

from aludel import AsyncClient, Client
from aludel.api.cursors import cursor_of
from aludel.api.examples import ATTEMPT_EXAMPLES, EXPORT_EXAMPLES
from aludel.attempts import AttemptOptions
from aludel.cli.attempts import command
from aludel.client.events import EndEvent, ItemEvent
from aludel.errors import BackendUnavailable, Conflict, InvalidRequest, NotFound
from aludel.generators import Endpoint, LocalModel
from aludel.http_models import AttemptSubmission
from aludel.job_requests import DatasetSplit, ExportRequest
from aludel.jobs import JobKind, JobState
from aludel.problems import TheoremProblem
from aludel.settings import Settings
from aludel.store import Scope
from aludel.workers.exports import write_dataset

OPTIONS = AttemptOptions(samples=2)
SLOW = {"kind": "openai", "url": "http://models/v1", "model": "m", "timeout_s": 1_000}
LONG = {"search": "best_first", "budget": {"step_s": 601}}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApi]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("attempts"), pool_size=2, endpoints="http://models/v1"
    )
    with live_api(
        settings, lambda _: FakeChecker(), attempter=FakeAttempter, export=write_dataset
    ) as opened:
        record_variants(opened.store, 12)
        yield opened


@pytest.fixture
def client(api: LiveApi) -> Iterator[Client]:
    with Client(api.url, retries=0) as opened:
        yield opened


@pytest.fixture
def raw(api: LiveApi) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=api.url) as opened:
        yield opened


def submission(name: str | None, *statements: str, **more: Any) -> AttemptSubmission:
    problems = tuple(TheoremProblem(name=f"p{n}", statement=s) for n, s in enumerate(statements))
    return AttemptSubmission(name=name, problems=problems, **{"options": OPTIONS, **more})


def test_problems_are_watched_and_their_run_is_told(client: Client) -> None:
    job = client.attempts.submit(submission("told", "accept 1", "reject 2", "accept 3"))
    assert (job.kind, job.total) == (JobKind.PROVE, 3)
    events = list(client.events(job.id))
    ended = [event.item for event in events if isinstance(event, ItemEvent)]
    assert sorted(item.problem or "" for item in ended) == ["p0", "p1", "p2"]
    assert sorted(item.outcome.accepted for item in ended if item.outcome) == [0, 2, 2]
    assert isinstance(events[-1], EndEvent) and events[-1].job.progress.accepted == 2
    assert [item.problem for item in client.items(job.id)] == ["p0", "p1", "p2"]
    report = client.attempts.run("told")
    assert (report.run.done, report.figures.proved, report.figures.price) == (3, 2, 3.0)
    assert report.figures.pass_at_k["1"].value == pytest.approx(2 / 3)
    assert report.figures.pass_at_k["2"].low < 2 / 3 < report.figures.pass_at_k["2"].high
    assert report.figures.prover_share == 0.5
    records = list(client.attempts.records("told"))
    assert [(r.problem, r.position) for r in records] == [
        (f"p{n}", position) for n in range(3) for position in range(2)
    ]
    assert "told" in [run.name for run in client.attempts.runs()]


def test_runs_and_attempts_come_in_pages(client: Client, raw: httpx.Client) -> None:
    for name in ("page-a", "page-b", "page-c"):
        client.wait(client.attempts.submit(submission(name, "accept 1", "accept 2")).id, 30)
    for url, key in (("/v1/attempts", "runs"), ("/v1/attempts/page-a/attempts", "attempts")):
        seen: list[Any] = []
        cursor = None
        while True:
            params = {"limit": 1} | ({"cursor": cursor} if cursor else {})
            page = raw.get(url, params=params).json()
            seen += page[key]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == raw.get(url, params={"limit": 1000}).json()[key]
        assert len(seen) >= 3
        for wrong in ("x", "AAAA", cursor_of("a"), cursor_of(1, 2, 3), cursor_of("\0", 1, 2)):
            answer = raw.get(url, params={"cursor": wrong})
            assert (answer.status_code, answer.json()["field"]) == (422, "cursor")


def test_runs_are_compared(client: Client) -> None:
    for name, samples in (("one", 1), ("two", 2)):
        options = AttemptOptions(samples=samples)
        job = client.attempts.submit(submission(name, "accept 1", "reject 2", options=options))
        client.wait(job.id, 30)
    found = client.attempts.compare("one", "two")
    assert (found.problems, found.first, found.second, found.p_value) == (2, 1, 1, 1.0)
    with pytest.raises(NotFound):
        client.attempts.compare("one", "nope")


def test_a_run_goes_on_under_its_name_and_is_one_thing(client: Client) -> None:
    first = client.attempts.submit(submission("same", "accept 1", "accept 2"))
    client.wait(first.id, 30)
    again = client.attempts.submit(submission("same", "accept 1", "accept 2"))
    assert again.id != first.id
    assert client.wait(again.id, 30).progress.accepted == 2
    assert len(list(client.attempts.records("same"))) == 4
    for other in (
        submission("same", "accept 1"),
        submission("same", "accept 1", "accept 2", options=AttemptOptions(samples=3)),
    ):
        with pytest.raises(Conflict) as caught:
            client.attempts.submit(other)
        assert caught.value.field == "name"


def test_a_submission_sent_twice_is_one_job(client: Client) -> None:
    jobs = [client.attempts.submit(submission(None, "accept 1"), key="twice") for _ in range(2)]
    assert jobs[0].id == jobs[1].id
    with pytest.raises(Conflict):
        client.attempts.submit(submission(None, "accept 2"), key="twice")


def test_models_that_are_not_permitted_are_refused(client: Client) -> None:
    metadata = Endpoint(url="http://169.254.169.254/v1", model="m")
    for generator, field in ((metadata, "url"), (LocalModel(model="/etc"), "model")):
        with pytest.raises(InvalidRequest) as caught:
            client.attempts.submit(submission("no", "accept 1", generator=generator))
        assert caught.value.field == f"generator.{field}"
    with pytest.raises(NotFound):
        client.attempts.run("no")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"problems": []}, "problems"),
        ({"problems": [{"name": "a", "statement": "s"}], "dataset": {"name": "d"}}, "body"),
        ({"problems": [{"name": "a", "statement": "s"}] * 2}, "problems"),
        ({"problems": [{"name": "a\0", "statement": "s"}]}, "problems.0.name"),
        ({"problems": [{"name": "a", "statement": "s"}], "name": "compare"}, "name"),
        ({"problems": [{"name": "a", "statement": "s"}], "name": "../x"}, "name"),
        ({"problems": [{"name": "a", "statement": "s"}], "options": {"samples": 1025}}, "body"),
        ({"problems": [{"name": "a", "statement": "s"}], "generator": {"kind": "x"}}, "generator"),
        ({"problems": [{"name": "a", "statement": "s"}], "generator": SLOW}, "body"),
        ({"problems": [{"name": "a", "statement": "s"}], "options": LONG}, "body"),
        ({"dataset": {"name": "../../etc"}}, "dataset.name"),
    ],
)
def test_wrong_submissions_name_the_field(raw: httpx.Client, body: Any, field: str) -> None:
    answer = raw.post("/v1/attempts", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_documented_examples_are_accepted(raw: httpx.Client) -> None:
    for url, examples in (("/v1/attempts", ATTEMPT_EXAMPLES), ("/v1/datasets", EXPORT_EXAMPLES)):
        for name, example in examples.items():
            answer = raw.post(url, json=example["value"])
            # F* has a service of its own in tests/contract/test_fstar_service.py.
            assert answer.status_code == (503 if name == "fstar" else 202), answer.text


def test_the_command_has_a_service_attempt_problems(
    api: LiveApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALUDEL_DATA_DIR", str(tmp_path / "of-the-command"))
    # What the fake prover reads is no statement, which a file would have to hold.
    read = [TheoremProblem(name=word, statement=f"{word} 1") for word in ("accept", "reject")]
    monkeypatch.setattr("aludel.cli.attempts.read_problems", lambda _: read)

    def run(*more: str) -> Any:
        words = ["run", "problems.jsonl", "--server", api.url, "--samples", "2", *more]
        return CliRunner().invoke(command, words, catch_exceptions=False)

    shown = json.loads(run("--name", "far", "--json").stdout)
    assert (shown["done"], shown["proved"], shown["price"]) == (2, 1, 2.0)
    assert api.store.attempts.run("far").done == 2
    assert "pass@2" in run("--name", "far").stdout
    with pytest.raises(InvalidRequest, match="does not permit"):
        run("--name", "far", "--generator", "openai", "--url", "http://else/v1", "--model", "m")
    with pytest.raises(InvalidRequest, match="route of the API") as caught:
        run("--name", "compare")
    assert caught.value.field == "name"
    assert not (tmp_path / "of-the-command").exists()


def test_keys_see_their_own_runs(api: LiveApi) -> None:
    scopes = (Scope.READ, Scope.SUBMIT)
    (_, ours), (_, theirs) = (api.store.keys.create(name, scopes=scopes) for name in "ab")
    with Client(api.url, key=ours, retries=0) as us, Client(api.url, key=theirs, retries=0) as they:
        job = us.attempts.submit(submission("ours", "accept 1"))
        us.wait(job.id, 30)
        assert [run.name for run in us.attempts.runs()] == ["ours"]
        assert list(they.attempts.runs()) == []
        for call in (they.attempts.run, lambda name: list(they.attempts.records(name))):
            with pytest.raises(NotFound):
                call("ours")
        with pytest.raises(Conflict) as refused:
            they.attempts.submit(submission("ours", "accept 1"))
        assert refused.value.message == "the name 'ours' is taken"  # and not by whom


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("theorem t : 1 = 1 := by rfl", "holds a proof"),
        ("theorem t : (let rec f (n : Nat) : Nat := n; f 1) = 1", "`let rec`"),
        ("def n := 1\ntheorem t : n = 1", "cannot carry `def n := 1`"),  # universes it can
    ],
)
def test_what_is_no_statement_is_refused_at_once(client: Client, statement: str, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why) as caught:
        client.attempts.submit(submission(None, "theorem fine : True := by sorry", statement))
    assert caught.value.field == "problems.1.statement"


def test_statements_are_read_as_those_of_a_file(raw: httpx.Client) -> None:
    texts = {
        "lemma a : True": "theorem a : True",
        "theorem b : True := by sorry -- TODO": "theorem b : True",
        "import Init\nopen Nat\ntheorem c : True := by": "open Nat in\ntheorem c : True",
    }
    problems = [{"name": str(n), "statement": text} for n, text in enumerate(texts)]
    body = {"problems": problems, "name": "as-a-file", "options": {"samples": 1}}
    first = raw.post("/v1/attempts", json=body)
    problems = [{"name": str(n), "statement": text} for n, text in enumerate(texts.values())]
    again = raw.post("/v1/attempts", json={**body, "problems": problems})
    digests = [answer.json()["request"]["problems_digest"] for answer in (first, again)]
    assert digests[0] == digests[1]


@pytest.mark.parametrize("form", ["jsonl", "jsonl.zst", "parquet"])
def test_a_dataset_is_written_listed_copied_and_attempted(
    client: Client, raw: httpx.Client, tmp_path: Path, form: Any
) -> None:
    name = f"set-{form.replace('.', '-')}"
    request = ExportRequest(
        name=name, recipes=("variants", "cpt"), formats=(form,), split="random", seed=3, test=0.5
    )
    job = client.wait(client.datasets.submit(request).id, 30)
    assert (job.state, job.request) == (JobState.DONE, request)
    [summary] = [s for s in client.datasets.list() if s.name == name]
    copied = client.datasets.download(name, str(tmp_path))
    assert json.loads((tmp_path / "manifest.json").read_bytes()) == copied.manifest
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == copied.card
    files = copied.manifest["files"]
    assert summary.bytes == sum((tmp_path / f["path"]).stat().st_size for f in files)
    assert "# " in copied.card
    assert job.summary is not None and job.summary["bytes"] == summary.bytes
    assert job.summary["rows"] == copied.manifest["rows"] == summary.rows
    with pytest.raises(Conflict):
        client.datasets.submit(request)
    [test] = [f for f in files if (f["recipe"], f["split"]) == ("variants", "test")]
    expected = {row["name"] for row in _rows(tmp_path / test["path"])}
    chosen = AttemptSubmission(dataset=DatasetSplit(name=name, split="test"), options=OPTIONS)
    attempted = client.attempts.submit(chosen)
    assert attempted.total == len(expected) > 0
    assert {item.problem for item in client.items(attempted.id)} == expected
    client.cancel(attempted.id)
    for wrong in (DatasetSplit(name="nope"), DatasetSplit(name=name, split="nope")):
        with pytest.raises(NotFound):
            client.attempts.submit(AttemptSubmission(dataset=wrong))


def _rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        table: pa.Table = pq.read_table(path)
        rows: list[dict[str, Any]] = table.to_pylist()
        return rows
    data = path.read_bytes()
    if path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return [json.loads(line) for line in data.splitlines()]


@pytest.fixture(scope="module")
def written(api: LiveApi) -> str:
    with Client(api.url) as client:
        job = client.datasets.submit(ExportRequest(name="files", recipes=("variants",)))
        assert client.wait(job.id, 30).state is JobState.DONE
    return "files"


def test_files_are_sent_in_ranges(raw: httpx.Client, written: str) -> None:
    manifest = raw.get(f"/v1/datasets/{written}").json()["manifest"]
    [file] = manifest["files"]
    url = f"/v1/datasets/{written}/files/{file['path']}"
    whole = raw.get(url)
    assert len(whole.content) == file["bytes"] and whole.headers["accept-ranges"] == "bytes"
    part = raw.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{file['bytes']}"
    beyond = raw.get(url, headers={"Range": f"bytes={file['bytes']}-"})
    assert beyond.status_code == 416
    assert raw.get(f"/v1/datasets/{written}/files/README.md").text.startswith("---")
    assert whole.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "../../aludel.sqlite3",
        "..%2F..%2Faludel.sqlite3",
        "%2Fetc%2Fpasswd",
        "data/../manifest.json",
        "data",
        "nope",
    ],
)
def test_files_that_a_dataset_does_not_list_are_not_sent(
    api: LiveApi, written: str, path: str
) -> None:
    assert _status(api, f"/v1/datasets/{written}/files/{path}") == 404


def _status(api: LiveApi, path: str) -> int:
    """Ask for a path as it is; httpx and curl would tidy it up."""
    connection = http.client.HTTPConnection(api.url.removeprefix("http://"), timeout=30)
    connection.request("GET", path)
    with contextlib.closing(connection):
        return connection.getresponse().status


def test_names_of_datasets_stay_in_their_folder(api: LiveApi) -> None:
    for name in ("..", "%2E%2E", ".files.partial", "a%2Fb"):
        assert _status(api, f"/v1/datasets/{name}") in (404, 422)


def test_what_is_being_written_is_no_dataset_yet(client: Client, api: LiveApi) -> None:
    before = client.datasets.list()
    for name in (".half.partial", "half"):
        (api.folder / "datasets" / name).mkdir()
    assert client.datasets.list() == before
    (api.folder / "datasets" / "half" / "manifest.json").write_text("{")
    with pytest.raises(BackendUnavailable, match="cannot be read"):
        client.datasets.get("half")
    (api.folder / "datasets" / "half" / "manifest.json").unlink()


def test_the_awaiting_client_says_the_same(api: LiveApi, tmp_path: Path) -> None:
    async def talk() -> None:
        async with AsyncClient(api.url, retries=0) as client:
            job = await client.attempts.submit(submission("async", "accept 1"))
            await client.wait(job.id, 30)
            assert (await client.attempts.run("async")).figures.proved == 1
            assert len([r async for r in client.attempts.records("async")]) == 2
            assert "async" in [run.name async for run in client.attempts.runs()]
            assert (await client.attempts.compare("async", "async")).problems == 1
            made = await client.datasets.submit(ExportRequest(name="awaited", recipes=("cpt",)))
            await client.wait(made.id, 30)
            assert "awaited" in [one.name for one in await client.datasets.list()]
            copied = await client.datasets.download("awaited", str(tmp_path))
            assert json.loads((tmp_path / "manifest.json").read_bytes()) == copied.manifest
            assert (tmp_path / "README.md").read_text(encoding="utf-8") == copied.card
            assert (tmp_path / copied.manifest["files"][0]["path"]).exists()

    asyncio.run(talk())


def test_a_file_that_is_not_what_the_manifest_says_is_refused(tmp_path: Path) -> None:
    manifest = {"files": [{"path": "data/a.jsonl", "bytes": 3, "sha256": "0" * 64}]}
    outside = {"files": [{"path": "../a.jsonl", "bytes": 3, "sha256": "0" * 64}]}

    def answer(request: httpx.Request) -> httpx.Response:
        if "/files/" in request.url.path:
            return httpx.Response(206, content=b"abc")
        listed = outside if request.url.path.endswith("outside") else manifest
        return httpx.Response(200, json={"name": "d", "manifest": listed, "card": ""})

    http = httpx.Client(transport=httpx.MockTransport(answer), base_url="http://service")
    client = Client(http=http, retries=0)
    for name in ("d", "outside"):
        with pytest.raises(BackendUnavailable):
            client.datasets.download(name, tmp_path / "copy")
    assert not (tmp_path / "a.jsonl").exists() and not (tmp_path / "copy/data/a.jsonl").exists()
