"""A client with a key sends what it likes to every route, beside another whose ids it knows.

Usage: ``python tests/fuzz/hostile_fuzz.py --requests 3000 --seed 1`` (part of ``make fuzz``).
Laws: no answer above 499, no word of the other key's in any answer, memory bounded, and what the
other key has is afterwards what it was. API and worker are real, the provers are fakes.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "fakes"))

import httpx
import psutil
from fake_checker import FakeChecker
from fake_goals import FakeGoals
from fstar_support import FAKE_TOOLCHAIN
from hurtful import HURTFUL
from live_api import LiveApi, live_api

from aludel.goals import GoalRequest, GoalState
from aludel.models import Usage, Verdict
from aludel.settings import Settings
from aludel.store import Scope

SECRET = "annsecret"
MEMORY_MB = 250
"""How much the process, service and client together, may grow over the second half of the acts.

Over the first half it grows by what every part keeps: threads, buffers, pages of the database."""
_PATIENCE_S = 60.0

Body = dict[str, Any]

# One good body for each route that takes one; the fuzzer spoils copies of them.
GOOD: dict[tuple[str, str], Body] = {
    ("POST", "/v1/checks"): {
        "code": "accept",
        "statement": "theorem t : True",
        "context": {"imports": ["Init"], "options": {"pp.all": True}},
        "policy": {"allowed_axioms": ["propext"], "allow_helpers": True},
        "budget": {"wall_s": 5.0, "heartbeats": 1000},
        "metadata": {"label": "x"},
    },
    ("POST", "/v1/goals"): {
        "statement": "theorem t : 4", "preamble": "", "tactics": ["dec"], "wall_s": 5, "ttl_s": 5,
    },
    ("POST", "/v1/goals/{session}/steps"): {"state": 0, "tactics": ["dec", "half"]},
    ("POST", "/v1/attempts"): {
        "problems": [{"name": "p", "statement": "theorem p : True", "imports": ["Init"]}],
        "name": "mine",
        "options": {"samples": 2},
    },
    ("POST", "/v1/datasets"): {"name": "mine", "recipes": ["variants"], "runs": ["mine"]},
    ("POST", "/v1/mutations"): {"pattern": ["Nat.add_comm"], "limit": 1},
    ("POST", "/v1/jobs/{id}/retry"): {"budget": {"wall_s": 9.0}},
    ("POST", "/api/check"): {"snippets": [{"id": "1", "code": "accept"}], "timeout": 5},
    ("POST", "/verify"): {"codes": [{"custom_id": "1", "proof": "accept"}], "timeout": 5},
    ("POST", "/one_pass_verify_batch"): {"codes": [{"custom_id": "1", "proof": "accept"}]},
    ("POST", "/compat/openrlhf"): {
        "query": ["p accept</s>"], "prompts": ["p"], "labels": ["theorem t : True"],
    },
    ("POST", "/compat/nemo-gym/verify"): {
        "responses_create_params": {"input": "Prove it."},
        "response": {
            "output": [
                {"type": "message", "content": [{"type": "output_text", "text": "accept"}]}
            ],
        },
        "statement": "theorem t : True",
    },
}  # fmt: skip

ODD: tuple[Any, ...] = (
    None, True, -1, 0, 2**31, 2**63, 2**64, 1e308, 0.5, "", " ", "\0", "\ud800", "x\udc00\ud800",
    "%", "%2e%2e", "..", "../../etc/passwd", "/etc/passwd", "constructor", "__proto__",
    "#/constructor",
    "a" * 5_000, "é" * 300, "\u2028", "\u202e", "'; drop table jobs; --", "${x}", "{{x}}", "$(id)",
    [], {}, [[]], {"": ""}, ["\0"], {"\ud800": 1}, [None] * 50,
    {"a": {"b": {"c": [1, {"d": None}]}}},
)  # fmt: skip
HEADERS: tuple[dict[str, str], ...] = (
    {}, {}, {}, {"Origin": "http://evil.example"}, {"Host": "evil.example"}, {"Host": ""},
    {"content-type": "text/plain"}, {"content-type": "application/json; charset=utf-16"},
    {"Range": "bytes=0-"}, {"Range": "bytes=9-1,-1,x"}, {"Last-Event-ID": "999999999999999999999"},
    {"Idempotency-Key": "annskey"}, {"Idempotency-Key": "x" * 300}, {"X-Request-Id": "a" * 4_000},
    {"Accept": "text/html"}, {"Content-Encoding": "gzip"}, {"X-Forwarded-For": "127.0.0.1"},
)  # fmt: skip


class _Judge(FakeChecker):
    """Accepts what begins with ``accept`` and rejects everything else."""

    def _decide(self, word: str, key: str, usage: Usage) -> Verdict:
        return super()._decide("accept" if word == "accept" else "reject", key, usage)


class _AnyGoals(FakeGoals):
    """Takes every statement for the same."""

    def open(self, request: GoalRequest) -> GoalState:
        return super().open(request.model_copy(update={"statement": "theorem t : 4"}))


@dataclass
class Ann:
    """The other key: what it has, and what its things look like from the inside."""

    http: httpx.Client
    known: list[str] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)

    @classmethod
    def settled(cls, api: LiveApi) -> Ann:
        """Make ann's things, each with her secret in it."""
        ann = cls(_client(api, "ann"))
        body = {"code": f"accept {SECRET}", "metadata": {SECRET: SECRET}}
        keyed = {"Idempotency-Key": "annskey"}
        sent = ann.http.post("/v1/checks?wait=20", json=body, headers=keyed).json()
        job, digest = sent["job"]["id"], sent["items"][0]["verdict"]["hash"]
        body = {"statement": "theorem t : 4", "preamble": f"-- {SECRET}", "ttl_s": 3600}
        session = ann.http.post("/v1/goals", json=body).json()["session"]
        ann.known = [job, digest, session]
        state = f"/v1/goals/{session}/states/0"
        paths = (f"/v1/jobs/{job}/items", f"/v1/results/{digest}", state, f"{state}/script")
        ann.seen = {path: ann.http.get(path).text for path in paths}
        assert all(text for text in ann.seen.values())
        return ann

    def changed(self) -> list[str]:
        """Return the paths of what is no longer as it was."""
        return [path for path, text in self.seen.items() if self.http.get(path).text != text]


@dataclass
class Report:
    """What came of it: requests by status, what broke a law, and the growth of memory."""

    statuses: Counter[int] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    grown_mb: float = 0.0

    @property
    def requests(self) -> int:
        return sum(self.statuses.values())


class Eve:
    """The hostile client."""

    def __init__(self, api: LiveApi, ann: Ann, dice: random.Random) -> None:
        self._api, self._ann, self._dice = api, ann, dice
        self._http = _client(api, "eve")
        paths = self._http.get("/openapi.json").json()["paths"]
        self._routes = [(m.upper(), path) for path, methods in paths.items() for m in methods]
        self._tricks: Sequence[Callable[[], list[tuple[int, str]]]] = (
            self._a_route, self._a_route, self._a_route, self._a_route,
            self._a_text, self._nonsense, self._a_large_body, self._a_raw_request,
        )  # fmt: skip

    def act(self) -> list[tuple[int, str]]:
        """Send something; return the status and text of each answer."""
        return self._dice.choice(self._tricks)()

    def _send(self, method: str, path: str, **parts: Any) -> list[tuple[int, str]]:
        try:
            with self._http.stream(method, path, **parts) as answer:
                text = "".join(part for part, _ in zip(answer.iter_text(), range(50), strict=False))
        except (httpx.TransportError, httpx.InvalidURL, UnicodeError):
            return []  # the service hung up, or our own library would not send it
        if answer.status_code == 429:  # quotas are tried elsewhere; here they would end the trial
            return [(429, text)]
        return [(answer.status_code, text)]

    def _a_route(self) -> list[tuple[int, str]]:
        method, path = self._dice.choice(self._routes)
        if path.endswith("/events"):
            return []  # a stream ends with its job
        body = GOOD.get((method, path))
        content = None if body is None else json.dumps(self._spoilt(body)).encode()
        headers = {"content-type": "application/json", **self._dice.choice(HEADERS)}
        names = ("wait", "cursor", "limit", "priority", "state", "name", "first", "second")
        query = {name: self._word() for name in names if self._dice.random() < 0.1}
        if query.get("wait"):
            query["wait"] = self._dice.choice(["0", "0.1", "-1", "nan", "inf", "1e9"])
        parts = {"content": content, "headers": headers, "params": query}
        return self._send(method, self._filled(path), **parts)

    def _filled(self, path: str) -> str:
        while "{" in path:
            head, _, rest = path.partition("{")
            word = self._dice.choice(self._ann.known) if self._dice.random() < 0.5 else self._word()
            quoted = "".join(f"%{byte:02x}" for byte in word.encode("utf-8", "surrogatepass"))
            path = f"{head}{quoted or '%20'}{rest.partition('}')[2]}"
        return path

    def _word(self) -> str:
        words = [odd for odd in ODD if isinstance(odd, str)]
        return self._dice.choice([*words, *self._ann.known, "0", "1", "-1", "99999999999"])[:500]

    def _spoilt(self, body: Body) -> Any:
        """Return a copy of ``body`` with some value, at any depth, or key replaced."""
        copy: Any = json.loads(json.dumps(body))
        for _ in range(self._dice.randint(0, 3)):
            at = copy
            while isinstance(at, dict | list) and at:
                key = self._dice.choice(list(at) if isinstance(at, dict) else list(range(len(at))))
                if not isinstance(at[key], dict | list) or self._dice.random() < 0.4:
                    at[key] = self._value()
                    break
                at = at[key]
            if isinstance(copy, dict) and self._dice.random() < 0.2:
                copy[self._word()] = self._value()
        return copy

    def _value(self) -> Any:
        if self._dice.random() < 0.2:
            return self._dice.choice(list(HURTFUL.values()))
        return self._dice.choice([*ODD, *self._ann.known])

    def _a_text(self) -> list[tuple[int, str]]:
        codes = self._dice.sample(list(HURTFUL.values()), 3)
        body = json.dumps({"requests": [{"code": code} for code in codes]})
        head = {"content-type": "application/json"}
        return self._send("POST", "/v1/checks?wait=1", content=body, headers=head)

    def _nonsense(self) -> list[tuple[int, str]]:
        """Bytes that are no JSON, or JSON that is deep, large in numbers, or doubled in keys."""
        content = self._dice.choice([
            b"", b"{", b"\xff\xfe{\x00", b"[" * 100_000, b'{"code": ' + b"9" * 5_000 + b"}",
            b'{"code":"accept","code":"reject"}', b"null", b'"x"', b'{"code": NaN}', b"\x00",
            self._dice.randbytes(300), b'{"a":' * 3_000 + b"1" + b"}" * 3_000, b"\xef\xbb\xbf{}",
        ])  # fmt: skip
        method, path = self._dice.choice(list(GOOD))
        head = {"content-type": "application/json"}
        return self._send(method, self._filled(path), content=content, headers=head)

    def _a_large_body(self) -> list[tuple[int, str]]:
        """With or without a key, more than any route takes."""
        if self._dice.random() < 0.7:
            return []  # each costs as much as a hundred others
        keyless = self._dice.random() < 0.5
        chunk = b"x" * 2**20
        parts = (chunk for _ in range(self._dice.randint(9, 40)))
        head = {"content-type": "application/json"} | ({"Authorization": ""} if keyless else {})
        return self._send("POST", "/v1/checks", content=parts, headers=head)

    def _a_raw_request(self) -> list[tuple[int, str]]:
        """What no HTTP library would send."""
        head = self._dice.choice([
            "GET /v1/jobs HTTP/9.9\r\n", "GET  HTTP/1.1\r\n", "\0\0\0\r\n",
            "GET /../../etc HTTP/1.1\r\n",
            "POST /v1/checks HTTP/1.1\r\nContent-Length: -1\r\n",
            "POST /v1/checks HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "GET //v1//jobs HTTP/1.1\r\n", "GET /v1/jobs?" + "a" * 70_000 + " HTTP/1.1\r\n",
            "OPTIONS * HTTP/1.1\r\n", "GET http://evil.example/v1/jobs HTTP/1.1\r\n",
        ])  # fmt: skip
        host, port = self._api.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(f"{head}Host: x\r\nConnection: close\r\n\r\n".encode())
            connection.shutdown(socket.SHUT_WR)
            try:
                answer = connection.recv(65_536).decode("latin-1")
            except OSError:
                return []
        status = answer.partition(" ")[2][:3]
        return [(int(status), answer)] if status.isdigit() else []


def _client(api: LiveApi, name: str) -> httpx.Client:
    _, key = api.store.keys.create(name, (Scope.READ, Scope.SUBMIT))
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=api.url, headers=headers, timeout=_PATIENCE_S)


def fuzz(folder: Path, *, requests: int, seed: int) -> Report:
    """Have eve act ``requests`` times against a service whose files are in ``folder``."""
    settings = Settings(data_dir=folder, require_key=True, pool_size=2)
    report = Report()
    judge = _Judge(folder / "checked.log")  # what it kept in memory would count
    with live_api(settings, lambda _: judge, lambda *_: _AnyGoals()) as api:
        api.store.toolchains.register(FAKE_TOOLCHAIN)
        ann = Ann.settled(api)
        eve = Eve(api, ann, random.Random(seed))
        before = 0
        for number in range(requests):
            if number == requests // 2:
                before = psutil.Process().memory_info().rss
            for status, text in eve.act():
                report.statuses[status] += 1
                if status > 499 or SECRET in text:
                    report.broken.append(f"act {number}: {status} {text[:500]}")
        report.grown_mb = (psutil.Process().memory_info().rss - before) / 2**20
        report.broken += [f"changed: {path}" for path in ann.changed()]
    if report.grown_mb > MEMORY_MB:
        report.broken.append(f"memory grew by {report.grown_mb:.0f} MB")
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aludel-hostile-") as folder:
        report = fuzz(Path(folder), requests=options.requests, seed=options.seed)
    statuses = dict(sorted(report.statuses.items()))
    sys.stdout.write(f"{report.requests} answers: {statuses}; +{report.grown_mb:.0f} MB\n")
    sys.stdout.write("\n".join(report.broken or ["no law was broken"]) + "\n")
    sys.exit(bool(report.broken))


if __name__ == "__main__":
    main()
