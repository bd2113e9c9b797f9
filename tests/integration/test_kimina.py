"""kimina-lean-server's routes with the real Lean: documented payloads, and its own client."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_api import LiveApi, live_api

from aludel.lean_checker.attacks.corpus import Case, all_cases, read_corpus
from aludel.lean_checker.prover import LeanProver
from aludel.models import Accepted, CheckRequest, RejectReason
from aludel.settings import load_settings

pytestmark = pytest.mark.lean

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = Path(os.environ.get("KIMINA_CLIENT_FOLDER", ROOT / ".venv" / "kimina-client"))
_CHECK_NAT = {
    "severity": "info",
    "pos": {"line": 1, "column": 0},
    "endPos": {"line": 1, "column": 6},
    "data": "Nat : Type",
}


@pytest.fixture(scope="module")
def api(
    lend_lean: Callable[..., LeanProver], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveApi]:
    settings = load_settings().model_copy(
        update={
            "data_dir": tmp_path_factory.mktemp("kimina"),
            "database_url": "",
            "pool_size": 1,
        }
    )
    with live_api(settings, lend_lean, tracer=lambda prover: prover.states) as opened:
        yield opened


def _post(api: LiveApi, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    answer = httpx.post(api.url + path, json=body, timeout=120)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


@pytest.mark.parametrize("path", ["/api/check", "/api/check/"])
def test_the_documented_check(api: LiveApi, path: str) -> None:
    snippets = [{"id": "check-nat-test", "code": "#check Nat"}]
    [result] = _post(api, path, {"snippets": snippets})
    assert result["id"] == "check-nat-test"
    assert result["time"] > 0
    assert result["response"] == {"env": 0, "messages": [_CHECK_NAT]}
    assert "error" not in result
    assert "diagnostics" not in result
    assert result["verdict"]["reason"] == "missing_declaration"


@pytest.mark.parametrize("path", ["/verify", "/one_pass_verify_batch"])
def test_the_documented_verification(api: LiveApi, path: str) -> None:
    body = {
        "codes": [{"custom_id": "1234", "proof": "#check Nat"}, {"custom_id": 5, "code": "def"}],
        "infotree_type": "original",
    }
    first, second = _post(api, path, body)
    assert first["custom_id"] == "1234"
    assert first["response"]["messages"] == [_CHECK_NAT]
    assert first["response"]["time"] > 0
    assert second["custom_id"] == "5"
    assert second["response"]["messages"][0]["severity"] == "error"


def test_our_verdict_is_in_a_field_of_its_own(api: LiveApi) -> None:
    code = "theorem t : 1 + 1 = 2 := rfl"
    snippets = [{"id": "a", "code": code}, {"id": "b", "code": code + "\nopen Classical"}]
    body = {"snippets": snippets, "timeout": 20, "debug": True, "reuse": False}
    first, second = _post(api, "/api/check", body)
    assert Accepted.model_validate(first["verdict"]).axioms == ()
    assert first["response"] == second["response"] == {"env": 0}
    assert first["diagnostics"]["memory_max"] > 2**20
    assert first["diagnostics"]["repl_uuid"]


def test_every_sorry_has_its_place_and_goal(api: LiveApi) -> None:
    code = "theorem t : 1 = 1 ∧ 2 = 3 := by\n  constructor\n  · sorry\n  · exact sorry\n"
    [result] = _post(api, "/api/check", {"snippets": [{"id": "s", "code": code}]})
    assert result["response"]["sorries"] == [
        {
            "pos": {"line": 3, "column": 4},
            "endPos": {"line": 3, "column": 9},
            "goal": "case left\n⊢ 1 = 1",
        },
        {
            "pos": {"line": 4, "column": 10},
            "endPos": {"line": 4, "column": 15},
            "goal": "⊢ 2 = 3",
        },
    ]
    [warning] = result["response"]["messages"]
    assert warning["severity"] == "warning" and "sorry" in warning["data"]


def test_two_theorems_with_sorry_give_two_entries(api: LiveApi) -> None:
    code = "theorem t : 1 = 1 := sorry\ntheorem u : 2 = 3 := by sorry\n"
    [result] = _post(api, "/api/check", {"snippets": [{"id": "s", "code": code}]})
    assert [(one["pos"]["line"], one["goal"]) for one in result["response"]["sorries"]] == [
        (1, "⊢ 1 = 1"), (2, "⊢ 2 = 3"),
    ]  # fmt: skip
    assert len(result["response"]["messages"]) == 2


STEPS = "theorem t (p : Prop) (h : p) : p ∧ True := by\n  constructor\n  · exact h\n  · trivial\n"


@pytest.mark.parametrize("kind", ["full", "tactics", "original", "substantive"])
def test_an_infotree_holds_the_tactic_states_of_what_is_accepted(api: LiveApi, kind: str) -> None:
    snippets = [
        {"id": "proved", "code": STEPS},
        {"id": "again", "code": STEPS},
        {"id": "term", "code": "theorem t : 1 = 1 := rfl"},
        {"id": "wrong", "code": "theorem t : 1 = 2 := by rfl"},
        {"id": "open", "code": "theorem t : 1 = 2 := by sorry"},
    ]
    found = {r["id"]: r for r in _post(api, "/api/check", {"snippets": snippets, "infotree": kind})}
    first, left, right = found["proved"]["response"]["infotree"]
    assert first == {
        "kind": "TacticInfo",
        "node": {
            "stx": {
                "pp": "constructor",
                "range": {
                    "synthetic": False,
                    "start": {"line": 2, "column": 2},
                    "finish": {"line": 2, "column": 13},
                },
            },
            "goalsBefore": ["p : Prop\nh : p\n⊢ p ∧ True"],
            "goalsAfter": [
                "case left\np : Prop\nh : p\n⊢ p", "case right\np : Prop\nh : p\n⊢ True",
            ],
        },
        "children": [],
    }  # fmt: skip
    assert left["node"]["stx"]["pp"] == "· exact h"
    assert [child["node"]["stx"]["pp"] for child in left["children"]] == ["exact h"]
    assert right["children"][0]["node"]["goalsAfter"] == []
    assert found["again"]["response"] == found["proved"]["response"]
    assert found["term"]["response"]["infotree"] == []
    for name in ("wrong", "open"):
        assert "infotree" not in found[name]["response"]
        assert found[name]["infotree_missing"] == "only accepted candidates have tactic states"


def test_the_older_routes_have_infotrees_too(api: LiveApi) -> None:
    body = {"codes": [{"custom_id": "a", "proof": STEPS}], "infotree_type": "original"}
    [result] = _post(api, "/verify", body)
    assert len(result["response"]["infotree"]) == 3
    assert "infotree" not in _post(api, "/verify", {**body, "infotree_type": None})[0]["response"]


def test_what_kimina_would_call_valid_gets_an_error(api: LiveApi) -> None:
    code = "theorem t : (10 : Nat) ^ 3 = 1000 := by native_decide"
    [result] = _post(api, "/api/check", {"snippets": [{"id": "n", "code": code}]})
    assert result["verdict"]["kind"] == "rejected"
    errors = [m for m in result["response"]["messages"] if m["severity"] == "error"]
    assert errors


def test_attacks_are_not_valid_to_its_clients_either(api: LiveApi) -> None:
    cases = [case for _, case in all_cases(read_corpus(ROOT / "tests" / "attacks" / "lean"))]
    codes = [case.code for case in cases if _claims_by_text_alone(case)][::2]
    snippets = [{"id": str(number), "code": code} for number, code in enumerate(codes)]
    results = _post(api, "/api/check", {"snippets": snippets, "timeout": 60})
    assert len(codes) > 30
    for code, result in zip(codes, results, strict=True):
        assert result["verdict"]["kind"] == "rejected", code
        messages = result["response"].get("messages", ())
        refused = [found for found in messages if found["severity"] == "error"]
        assert refused or result["response"].get("sorries"), code


def _claims_by_text_alone(case: Case) -> bool:
    """An attack that needs neither a statement, nor a request of its own, nor a limit."""
    own = CheckRequest(code=case.code) != case.request()
    reasons = {reason.value for reason in RejectReason} - {"missing_declaration"}
    return not (own or case.honest) and reasons.issuperset(case.expect)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/check", {"snippets": []}, "snippets"),
        ("/api/check", {"snippets": [{"id": "a", "code": ""}] * 2}, "body"),
        ("/api/check", {"snippets": [{"code": "x"}]}, "snippets.0.id"),
        ("/verify", {"codes": [{"custom_id": "a"}]}, "codes.0"),
    ],
)
def test_wrong_bodies(api: LiveApi, path: str, body: dict[str, Any], field: str) -> None:
    answer = httpx.post(api.url + path, json=body)
    assert answer.status_code == 422
    assert answer.json()["field"] == field


needs_client = pytest.mark.skipif(
    not PACKAGES.is_dir(),
    reason="kimina-client is missing: `make kimina-client`, or name a folder with it in "
    "KIMINA_CLIENT_FOLDER",
)
PAGE = ROOT / "docs" / "how-to" / "move-from-kimina.md"
# As in kimina_user.py: version 0.2.1 cannot be imported on Python 3.11 otherwise.
_IMPORTABLE = "import typing, typing_extensions as t\ntyping.TypedDict = t.TypedDict\n"


def _with_client(*words: str) -> str:
    path = os.pathsep.join(filter(None, [str(PACKAGES), os.environ.get("PYTHONPATH")]))
    run = subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@needs_client
def test_the_page_for_who_moves_is_right(api: LiveApi) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    said = [
        _with_client("-c", _IMPORTABLE + block.replace("http://127.0.0.1:8321", api.url))
        for block in blocks
    ]
    assert [text.splitlines()[-1] for text in said] == ["SnippetStatus.valid", "accepted"]


@needs_client
def test_its_own_client_understands_us(api: LiveApi) -> None:
    printed = _with_client(str(ROOT / "tests" / "fakes" / "kimina_user.py"), api.url)
    said = json.loads(printed.splitlines()[-1])  # it logs on standard output
    assert said["health"] == {"status": "ok"}
    assert said["awaited"] == "valid"
    # Its reader of info trees gives the whole text, cut at the tactics, with their goals.
    assert "".join(step["tactic"] for step in said["steps"]).split() == (
        ["constructor", "·", "exact", "h.2", "·", "exact", "h.1"]
    )
    before = [step["goalsBefore"] for step in said["steps"]]
    assert before[0] == ["p q : Prop\nh : p ∧ q\n⊢ q ∧ p"]
    assert said["steps"][-1]["goalsAfter"] == []
    assert said["found"] == {
        "proof": "valid",
        "wrong": "lean_error",
        "sorry": "sorry",
        "axiom": "lean_error",
        "import": "lean_error",
        "loop": "timeout_error",
    }
