"""The tools over a prover in memory, with the SDK's own client: schemas, errors, limits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from fake_prover import FakeProver
from mcp import Client

from aludel.errors import AludelError, BackendUnavailable, InvalidRequest
from aludel.goals import GoalRequest
from aludel.mcp_server import make_server
from aludel.mcp_server.calls import Calls
from aludel.mcp_server.local import LocalBackend
from aludel.mcp_server.sessions import Sessions
from aludel.models import CheckRequest, Verdict
from aludel.settings import Settings

TOOLS = {
    "check", "try_tactics", "open_goal", "goal", "search_lemmas", "mutate", "audit", "receipt",
    "disprove",
}  # fmt: skip
Use = Callable[[Client], Awaitable[Any]]


class _Prover(FakeProver):
    """Says what it was asked, waits when it is told to, and forgets nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()
        self.requests: list[CheckRequest] = []

    def check(self, request: CheckRequest) -> Verdict:
        self.requests.append(request)
        if request.code == "wait":
            assert self.go_on.wait(30)
        return super().check(request)


@pytest.fixture
def prover() -> _Prover:
    return _Prover()


@pytest.fixture
def use(prover: _Prover, tmp_path: Path) -> Callable[[Use], Any]:
    """Run a client of a server; nothing is shared with the next one."""

    def run(asked: Use, calls: Calls | None = None) -> Any:
        backend = LocalBackend(prover, Settings(cache_dir=tmp_path))

        async def with_client() -> Any:
            async with Client(make_server(backend, calls)) as client:
                return await asked(client)

        return asyncio.run(with_client())

    return run


def call(use: Callable[[Use], Any], tool: str, **arguments: Any) -> dict[str, Any]:
    """Return what a tool answers, which is no error."""

    async def asked(client: Client) -> Any:
        return await client.call_tool(tool, arguments)

    result = use(asked)
    assert not result.is_error, result.content
    found: dict[str, Any] = result.structured_content
    return found


def failure(use: Callable[[Use], Any], tool: str, **arguments: Any) -> str:
    """Return what a tool says of an error."""

    async def asked(client: Client) -> Any:
        return await client.call_tool(tool, arguments)

    result = use(asked)
    assert result.is_error
    return str(result.content[0].text)


def test_tools_their_schemas_and_annotations(use: Callable[[Use], Any]) -> None:
    tools = {tool.name: tool for tool in use(lambda client: client.list_tools()).tools}
    assert set(tools) == TOOLS
    for tool in tools.values():
        hints = tool.annotations
        assert hints is not None
        assert hints.read_only_hint
        assert hints.destructive_hint is hints.open_world_hint is False
        assert hints.idempotent_hint == (tool.name not in ("open_goal", "try_tactics"))
        assert tool.title
        assert tool.description
        assert "\n  " not in tool.description
        assert tool.output_schema is not None
        assert tool.output_schema["type"] == "object"
        words = " ".join(tool.input_schema["properties"])
        assert not {"path", "file", "folder", "url"} & set(words.split())
        for name, schema in tool.input_schema["properties"].items():
            assert "description" in schema or name == "rules", (tool.name, name)


def test_what_was_asked_reaches_the_checker(use: Callable[[Use], Any], prover: _Prover) -> None:
    found = call(
        use, "check", code="accept this", statement="theorem t : True", imports=["Std"], timeout_s=7
    )
    assert found["result"]["kind"] == "accepted"
    [request] = prover.requests
    assert (request.code, request.statement) == ("accept this", "theorem t : True")
    assert request.context.imports == ("Std",)  # type: ignore[union-attr]
    assert request.budget.wall_s == 7
    assert call(use, "check", code="reject")["result"]["reason"] == "elaboration"
    assert call(use, "check", code="undecided")["result"]["kind"] == "undecided"
    assert call(use, "check", code="foreign")["result"]["reason"] == "parse"


def test_what_is_forbidden_reaches_the_checker(use: Callable[[Use], Any], prover: _Prover) -> None:
    asked = {"code": "accept", "statement": "theorem t : True", "forbidden": ["self", "Nat.x"]}
    call(use, "check", **asked)
    call(use, "receipt", **asked)
    assert {request.policy.forbidden for request in prover.requests} == {("Nat.x", "self")}
    assert "forbidden" in failure(use, "check", **{**asked, "forbidden": [""]})


def test_errors_say_what_to_do(use: Callable[[Use], Any]) -> None:
    said = failure(use, "check", code="invalid")
    assert "imports: unknown import 'Nope' (install it)" in said
    assert "no prover" in failure(use, "check", code="unavailable")
    said = failure(use, "check", code="bug")
    assert "bug on purpose" not in said  # what crashes stays here
    assert "no such session (" not in failure(use, "goal", session="s9", state=0)
    assert "session: there is no such session" in failure(use, "goal", session="s9", state=0)
    assert "no theorem of Init matches" in failure(use, "mutate", pattern="Nope.*")
    assert "pattern" in failure(use, "mutate")
    assert "statement" in failure(use, "audit", statement="def f := 1")


@pytest.mark.parametrize(
    ("tool", "arguments", "field"),
    [
        ("check", {"code": "accept", "timeout_s": 1e9}, "timeout_s"),
        ("check", {"code": "accept", "timeout_s": 0}, "timeout_s"),
        ("check", {"code": "accept", "timeout_s": float("nan")}, "timeout_s"),
        ("check", {"code": 5}, "code"),
        ("check", {}, "code"),
        ("check", {"code": "accept", "statement": "x" * 200_000}, "statement"),
        ("check", {"code": "accept", "imports": ["A"] * 300}, "imports"),
        ("open_goal", {"statement": "theorem t : 4", "tactics": ["dec"] * 300}, "tactics"),
        ("try_tactics", {"session": "s", "state": 0, "tactics": []}, "tactics"),
        ("try_tactics", {"session": "s", "state": 0, "tactics": ["x"] * 65}, "tactics"),
        ("try_tactics", {"session": "s", "state": -1, "tactics": ["x"]}, "state"),
        ("goal", {"session": "s" * 100, "state": 0}, "session"),
        ("goal", {"session": "../jobs", "state": 0}, "session"),
        ("try_tactics", {"session": "s/0?x=", "state": 0, "tactics": ["x"]}, "session"),
        ("search_lemmas", {"text": "a", "count": 10**9}, "count"),
        ("search_lemmas", {"pattern": "_" * 10_000}, "pattern"),
        ("mutate", {"pattern": "A.*", "limit": 10**9}, "limit"),
        ("mutate", {"pattern": "A.*", "rules": ["delete"]}, "rules"),
    ],
)
def test_bounds_are_kept(
    use: Callable[[Use], Any], tool: str, arguments: dict[str, Any], field: str
) -> None:
    assert field in failure(use, tool, **arguments)


def test_a_proof_by_tactics(use: Callable[[Use], Any]) -> None:
    async def prove(client: Client) -> Any:
        opened = await client.call_tool("open_goal", {"statement": "theorem t : 4"})
        first = opened.structured_content
        at = {"session": first["session"], "state": 0}
        tried = await client.call_tool("try_tactics", {**at, "tactics": ["nonsense", "zap", ""]})
        shown = await client.call_tool("goal", {**at, "state": 1})
        return first, tried.structured_content, shown.structured_content

    first, tried, found = use(prove)
    assert (first["state"], first["goals"][0]["pretty"]) == (0, "⊢ 4")
    failed, closed, empty = tried["steps"]
    assert failed["error"]["code"] == "tactic"
    assert empty["error"]["code"] == "parse"
    assert closed["state"]["goals"] == []
    assert found["finished"]
    assert found["script"] == "theorem t : 4 := by\n  zap\n"
    assert found["state"]["session"] == first["session"]


def test_lemmas_variants_audits_and_receipts(use: Callable[[Use], Any], prover: _Prover) -> None:
    found = call(use, "search_lemmas", text="Number.n3 = 0", count=2)["lemmas"]
    assert (found[0]["name"], found[0]["statement"]) == ("A.3", "Number.n3 ≤ Shared")
    found = call(use, "search_lemmas", pattern="_ ≤ _", name="A.*", count=2)
    assert [each["name"] for each in found["lemmas"]] == ["A.1", "A.3"]
    assert found["complete"]
    assert "at least one of" in failure(use, "search_lemmas")
    assert "pattern: unexpected token" in failure(use, "search_lemmas", pattern="broken")
    assert call(use, "audit", statement="theorem t : trivial")["trivial"]["by"] == ["simp"]
    receipt = call(use, "receipt", code="accept")
    assert receipt["format"] == "aludel-receipt-1"
    assert receipt["request"]["tier"] == "replay"
    assert prover.requests[-1].tier == "replay"


def test_a_call_that_takes_too_long_is_told(
    use: Callable[[Use], Any], prover: _Prover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aludel.mcp_server.tools.SLACK_S", 0.0)
    said = failure(use, "check", code="wait", timeout_s=0.05)
    assert "no answer within 0.05 s" in said
    prover.go_on.set()


def test_a_search_that_makes_its_index_first_says_so(
    use: Callable[[Use], Any], prover: _Prover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prover.source, "theorem_names", lambda _: prover.go_on.wait(30) or [])
    assert "ask again" in failure(use, "search_lemmas", text="a", timeout_s=0.05)
    prover.go_on.set()


def test_mutation_that_ran_out_of_time_shows_what_it_has(
    use: Callable[[Use], Any], prover: _Prover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prover.source, "mutate", lambda _: prover.go_on.wait(30))
    assert call(use, "mutate", pattern="A.*", timeout_s=0.05) == {"variants": [], "ended": False}
    prover.go_on.set()


def test_who_asks_too_much_at_once_is_refused_and_others_go_on(
    use: Callable[[Use], Any], prover: _Prover
) -> None:
    async def crowd(client: Client) -> Any:
        held = [asyncio.create_task(client.call_tool("check", {"code": "wait"})) for _ in range(2)]
        while len(prover.requests) < 2:
            await asyncio.sleep(0.01)
        refused = await client.call_tool("check", {"code": "accept"})
        prover.go_on.set()
        await asyncio.gather(*held)
        return refused, await client.call_tool("check", {"code": "accept"})

    refused, after = use(crowd, Calls(2))  # type: ignore[call-arg]
    assert refused.is_error
    assert "2 calls are under way (retry after 5 s)" in refused.content[0].text
    assert after.structured_content["result"]["kind"] == "accepted"


def test_one_session_more_than_there_may_be_closes_the_one_that_was_not_used(
    prover: _Prover,
) -> None:
    sessions = Sessions(prover.goals(), most=3)
    asked = GoalRequest(statement="theorem t : 4")
    first, second, third = (sessions.open(asked).session for _ in range(3))
    sessions.step(first, 0, ["dec"])
    fourth = sessions.open(asked).session
    assert prover.made.open_sessions == 3
    for session in (first, third, fourth):
        sessions.get(session, 0)
    with pytest.raises(AludelError):
        sessions.get(second, 0)


def test_lean_starts_in_the_background_and_says_how_that_went(tmp_path: Path) -> None:
    told: list[str] = []
    said = threading.Event()

    def tell(line: str) -> None:
        told.append(line)
        said.set()

    class Broken(FakeProver):
        def warm_up(self) -> None:
            raise BackendUnavailable("it does not start", fix="run `aludel doctor`")

    for made, expected in ((FakeProver(), "Lean is ready"), (Broken(), "run `aludel doctor`")):
        said.clear()
        LocalBackend(made, Settings(cache_dir=tmp_path), tell).warm_up()
        assert said.wait(10)
        assert expected in told[-1]


def test_errors_of_the_library_keep_their_field(tmp_path: Path) -> None:
    backend = LocalBackend(FakeProver(), Settings(cache_dir=tmp_path))
    with pytest.raises(InvalidRequest):
        backend.audit("theorem t : True", ("../x",), 1.0)


@pytest.mark.parametrize(
    ("tool", "arguments", "stray"),
    [
        ("check", {"code": "accept", "context": {"project": "a"}}, "context"),
        ("mutate", {"pattern": "Nat.*", "project": "a"}, "project"),
        ("audit", {"statement": "theorem t : True", "project": "a"}, "project"),
        ("search_lemmas", {"text": "a + b", "project": "a"}, "project"),
    ],
)
def test_what_a_tool_does_not_take_is_refused_and_not_dropped(
    use: Callable[[Use], Any], tool: str, arguments: dict[str, Any], stray: str
) -> None:
    said = failure(use, tool, **arguments)
    assert f"{stray}: {tool} has no such argument" in said
