"""Both transports in processes of their own: forty hurtful texts, odd lines, and nothing stray."""

from __future__ import annotations

import asyncio
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_mcp_client import HELLO, ROOT, SERVER, RawClient, called
from fake_prover import FakeProver
from hurtful import HURTFUL
from mcp import Client

from aludel.errors import BackendUnavailable
from aludel.mcp_server import make_server, serve_http
from aludel.mcp_server.local import LocalBackend
from aludel.mcp_server.transports import MAX_MESSAGE, pump, readable
from aludel.models import VERDICT, Accepted, Rejected
from aludel.settings import Settings

TEXTS = list(HURTFUL.values())
UNFIT = {"parse", "too_large", "too_deep"}
ACCEPT = {"accept": "application/json, text/event-stream"}


def verdict(answer: dict[str, Any]) -> Accepted | Rejected:
    result = answer["result"]
    assert not result.get("isError"), result
    found = VERDICT.validate_python(result["structuredContent"]["result"])
    assert isinstance(found, Accepted | Rejected)
    return found


@pytest.fixture(scope="module")
def client() -> Iterator[RawClient]:
    with RawClient() as opened:
        yield opened


def test_forty_texts_are_forty_verdicts_on_standard_input(client: RawClient) -> None:
    found = [
        verdict(client.ask(called(number, "check", code=text)))
        for number, text in enumerate(TEXTS, 1)
    ]
    assert {one.kind for one in found} == {"rejected"}
    assert {one.reason for one in found} == UNFIT | {"elaboration"}
    assert verdict(client.ask(called(99, "check", code="accept"))).kind == "accepted"


def test_a_line_that_is_too_long_is_answered_under_its_id(client: RawClient) -> None:
    code = b"x" * (MAX_MESSAGE + 10)
    body = b'"jsonrpc":"2.0","method":"tools/call","params":{"name":"check","arguments":{"code":"'
    for line in (
        b'{"id":"long",' + body + code + b'"}}}\n',
        b"{" + body + code + b'"}},"id":"long"}\n',
    ):
        client.write(line)
        found = client.answer()
        assert found["id"] == "long"
        assert f"more than {MAX_MESSAGE} bytes" in json.dumps(found)


def test_odd_lines_end_nothing_and_what_is_printed_is_no_answer(client: RawClient) -> None:
    client.write(b"[" + b"x" * MAX_MESSAGE + b"]\n")  # nobody to tell
    for odd in (b"\n", b"{}\n", b"\xff\xfe\n", b"[[[[\n", b'{"id": 4}\n', b"null\n"):
        client.write(odd)
    assert verdict(client.ask(called(5, "check", code="accept"))).kind == "accepted"
    status, said = client.end()
    assert status == 0
    assert "was left out" in said
    assert "not of the protocol" in said


@pytest.mark.parametrize("waits", [True, False])
def test_a_client_that_vanishes_is_no_traceback(waits: bool) -> None:
    with RawClient() as client:
        if not waits:
            client.send(called(1, "check", code="sleep 1 accept"))
        client.vanish()
        if waits:
            client.send(called(1, "check", code="accept"))
        status, said = client.end()
    assert (status, "Traceback" in said) == (0, False), said
    assert "the client is gone\n" in said


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (rb'"\ud800"', rb'"\ufffd"'),
        (rb'"\uDFFF x"', rb'"\ufffd x"'),
        (rb'"\udc00\ud800"', rb'"\ufffd\ufffd"'),
        (rb'"\ud83d\ude00"', rb'"\ud83d\ude00"'),
        (rb'"\ud800\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\\ud800"', rb'"\\ud800"'),
        (rb'"\\\ud800"', rb'"\\\ufffd"'),
        (rb'"\n\u0000"', rb'"\n\u0000"'),
        (b'"\\ud80', b'"\\ud80'),
    ],
)
def test_half_a_pair_becomes_a_character(written: bytes, read: bytes) -> None:
    assert readable(written) == read


def test_lines_are_copied_as_they_are() -> None:
    class Kept(io.BytesIO):
        def close(self) -> None:
            """Stay readable."""

    sink = Kept()
    pump(io.BytesIO(b"one\ntwo\nthree"), sink)
    assert sink.getvalue() == b"one\ntwo\nthree"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, str(SERVER), "0"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"},
        text=True,
    )
    assert process.stderr is not None
    found = re.search(r"http://127\.0\.0\.1:\d+/mcp", process.stderr.readline())
    assert found
    yield found[0]
    process.terminate()
    process.communicate(timeout=30)


def test_the_page_s_lines(tmp_path: Path) -> None:
    page = (ROOT / "docs/how-to/use-with-agents.md").read_text("utf-8")
    [block] = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    command = tmp_path / "aludel"
    started = f'PYTHONPATH="{ROOT}/src" exec "{sys.executable}" "{SERVER}"'
    command.write_text(f'#!/bin/sh\n[ "$*" = mcp ] || exit 64\n{started}\n')
    command.chmod(0o755)
    run = subprocess.run(
        [sys.executable, "-c", block.replace("theorem t : 1 + 1 = 2 := rfl", "accept")],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout == "accepted\n"


def post(url: str, body: bytes | str, **headers: str) -> httpx.Response:
    head = {"content-type": "application/json", **ACCEPT, **headers}
    return httpx.post(url, content=body, headers=head, timeout=60)


def test_forty_texts_are_forty_verdicts_over_http(url: str) -> None:
    found = []
    for number, text in enumerate([*TEXTS, "accept"], 1):
        answer = post(url, json.dumps(called(number, "check", code=text)))
        assert answer.status_code == 200, answer.text
        found.append(verdict(answer.json()))
    assert {one.kind for one in found[:-1]} == {"rejected"}
    assert found[-1].kind == "accepted"


def test_the_sdk_s_client_over_http(url: str) -> None:
    async def use() -> Any:
        async with Client(url) as client:
            listed = await client.list_tools()
            return listed.tools, await client.call_tool("check", {"code": "accept"})

    tools, result = asyncio.run(use())
    assert len(tools) == 9
    assert result.structured_content["result"]["kind"] == "accepted"


def test_http_refuses_what_is_too_large_foreign_or_odd(url: str) -> None:
    assert post(url, b"x" * (MAX_MESSAGE + 1)).status_code == 413
    hello = json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO})
    assert post(url, hello).status_code == 200
    assert post(url, hello, host="evil.example").status_code == 421
    assert post(url, hello, origin="http://evil.example").status_code == 403
    for odd in (b"", b"{", b"[]", b"\xff", b"null", b"[" * 100_000):
        assert 400 <= post(url, odd).status_code < 500
    assert post(url, hello).status_code == 200


def test_a_port_that_is_taken_is_told(url: str, tmp_path: Path) -> None:
    port = int(url.split(":")[2].split("/")[0])
    server = make_server(LocalBackend(FakeProver(), Settings(cache_dir=tmp_path)))
    with pytest.raises(BackendUnavailable, match=f"port {port} cannot be had") as caught:
        serve_http(server, port, lambda _: None)
    assert caught.value.fix
