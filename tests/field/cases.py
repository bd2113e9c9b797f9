"""The cases of public reports, each through every route that can carry it, and the table of them.

Usage: ``python tests/field/cases.py > docs/results/field-cases.md``; minutes, with the real Lean
and, where one is installed, a real F*. ``tests/data/field_cases.json`` says what is expected.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1] / "fakes"))
sys.path.insert(0, str(Path(__file__).parent))

import httpx
from by_hand import BY_HAND
from click.testing import CliRunner
from live_api import LiveApi, live_api

from aludel import Client
from aludel.cli.main import cli
from aludel.errors import AludelError, BackendCrashed, BackendUnavailable, ToolchainMissing
from aludel.fstar_checker.checker import build_checker
from aludel.lean_checker.prover import LeanProver, build_prover
from aludel.models import (
    CheckRequest,
    FStarContext,
    LeanContext,
    Policy,
    RejectReason,
    Verdict,
)
from aludel.provers import AnyProver
from aludel.settings import Settings, load_settings
from aludel.task_names import FSTAR_QUEUES
from aludel.workers.app import lean_goals

CASES = json.loads((Path(__file__).parents[1] / "data" / "field_cases.json").read_text("utf-8"))
ROUTES = ("in process", "command", "HTTP", "kimina")
# What these say today is right, and is not what the report hoped for (docs/results/field-cases.md).
REASONED = {
    "X2": ("elaboration", "bodies"),
    "X4": ("elaboration", "bodies"),
    **{f"NH{n}": ("forbidden_construct", "code") for n in (0, 2, 7, 10, 12, 16, 19, 23)},
}
REASONS = {
    "bodies": "`decide` would have to unfold `Nat.repr` or `toString`, whose bodies the embedded "
    "Lean's library does not export; the candidate does fail there",
    "code": "the embedded Lean has no compiled code of the library's functions; said as "
    "`forbidden_construct`, never as a failed proof",
}

_REJECTIONS = frozenset(reason.value for reason in RejectReason)

Case = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Row:
    """A case, and what it gave by each route; ``reason`` says why another value is right."""

    id: str
    what: str
    expected: tuple[str, ...]
    got: dict[str, str]
    reason: str = ""

    @property
    def right(self) -> bool:
        fits = _REJECTIONS.union(self.expected) if "rejected" in self.expected else self.expected
        return bool(self.got) and all(said in fits for said in self.got.values())


@contextlib.contextmanager
def kept(prover: AnyProver) -> Iterator[AnyProver]:
    """``prover`` for commands that would open and close one of their own."""
    with mock.patch.object(prover, "close", lambda: None):
        yield prover


@contextlib.contextmanager
def lean_service(prover: LeanProver, folder: Path) -> Iterator[LiveApi]:
    with kept(prover), live_api(Settings(data_dir=folder), lambda _: prover, lean_goals) as api:
        yield api


def said(call: Callable[[], Verdict]) -> str:
    """A verdict in one word: ``accepted``, a reason, or the field of a wrong request.

    A machine that has no room for a process is asked again, once; one that crashes is not.
    """
    try:
        try:
            verdict = call()
        except BackendUnavailable as failure:
            if isinstance(failure, BackendCrashed):
                raise
            sys.stderr.write(f"asked again: {failure.message}\n")
            verdict = call()
    except AludelError as error:
        return f"error:{type(error).__name__}:{error.field}"
    return verdict.kind if verdict.reason is None else verdict.reason.value


def by_command(prover: AnyProver, case: Case, folder: Path, *words: str) -> str:
    path = folder / ("Ex.fst" if "--prover" in words else "case.lean")
    path.write_text(case["code"], encoding="utf-8")
    statement = () if case.get("statement") is None else ("--statement", case["statement"])
    with kept(prover), mock.patch("aludel.cli.check.build_prover", lambda *_: prover):
        done = CliRunner().invoke(cli, ["check", str(path), "--json", *statement, *words])
    told = json.loads(done.stdout.splitlines()[0])
    if told["kind"] == "error":
        return f"error:InvalidRequest:{told['field'].removeprefix('--')}"
    return str(told["reason"] or told["kind"])


def by_http(api: LiveApi, request: CheckRequest) -> str:
    with Client(api.url, retries=0) as client:
        return said(lambda: client.check(request))


def by_kimina(api: LiveApi, code: str) -> str:
    body = {"snippets": [{"id": "1", "code": code}], "timeout": 60}
    [result] = httpx.post(f"{api.url}/api/check", json=body, timeout=120).json()["results"]
    return _of_item(result)


def _of_item(item: dict[str, Any]) -> str:
    if item.get("verdict"):
        return str(item["verdict"]["reason"] or item["verdict"]["kind"])
    return f"error:{item.get('error')}"


def lean_case(prover: LeanProver, api: LiveApi, case: Case, folder: Path) -> Row:
    """A candidate, by every route that can carry its statement and policy."""
    imports = case.get("imports")
    request = CheckRequest(
        context=LeanContext(imports=imports),
        statement=case.get("statement"),
        code=case["code"],
        policy=Policy(**case.get("policy", {})),
    )
    got = {"in process": said(lambda: prover.check(request)), "HTTP": by_http(api, request)}
    if "policy" not in case:
        words = ("--imports", ",".join(imports)) if imports else ()
        got["command"] = by_command(prover, case, folder, *words)
        if "statement" not in case or case["id"].startswith(("K3", "B23", "CR")):
            header = "".join(f"import {name}\n" for name in imports or ())
            got["kimina"] = by_kimina(api, header + case["code"])
    return _row(case, got)


def _row(case: Case, got: dict[str, str]) -> Row:
    expected = case["expected"]
    wanted = tuple(expected) if isinstance(expected, list) else (expected,)
    what = case.get("what") or case["code"].split("\n")[0]
    if case["id"] in REASONED:
        word, reason = REASONED[case["id"]]
        return Row(case["id"], what, (word,), got, REASONS[reason])
    return Row(case["id"], what, wanted, got)


def lean_rows(prover: LeanProver) -> Iterator[Row]:
    """Yield the cases of Lean; those that are no candidates are tried by hand (``by_hand.py``)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with lean_service(prover, folder / "service") as api:
            for case in sorted(CASES["lean"], key=lambda case: "policy" in case):  # slow ones last
                if "code" in case:
                    yield lean_case(prover, api, case, folder)
                else:
                    got = BY_HAND[case["id"]](prover, api, folder)
                    yield Row(case["id"], case["what"], ("right",), got)


@contextlib.contextmanager
def fstar_service(folder: Path, prover: AnyProver) -> Iterator[LiveApi]:
    with (
        kept(prover),
        live_api(Settings(data_dir=folder), queues=FSTAR_QUEUES, checker=lambda _: prover) as api,
    ):
        yield api


def fstar_requests(case: Case) -> list[CheckRequest]:
    """The requests of a case, one after the other."""
    opens = ("FStar.List.Tot", "FStar.Mul")
    if "steps" in case:
        return [
            CheckRequest(
                context=FStarContext(module=step.get("module"), opens=tuple(step.get("opens", ()))),
                statement=step["type"],
                code=step["code"],
            )
            for step in case["steps"]
        ]
    context = FStarContext(opens=(*opens, *case["opens"])) if case["type"] else FStarContext()
    return [CheckRequest(context=context, statement=case["type"], code=case["code"])]


def fstar_rows(prover: AnyProver) -> Iterator[Row]:
    """Yield the cases of F*."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with fstar_service(folder / "service", prover) as api:
            for case in CASES["fstar"]:
                yield fstar_case(prover, api, case, folder)


def fstar_case(prover: AnyProver, api: LiveApi, case: Case, folder: Path) -> Row:
    if case["id"] == "FB3":
        return Row("FB3", case["what"], ("right",), BY_HAND["FB3"](prover, api, folder))
    requests = fstar_requests(case)
    got = {
        "in process": _last(case, [said(partial(prover.check, r)) for r in requests]),
        "HTTP": _last(case, [by_http(api, r) for r in requests]),
    }
    if case.get("type") is None and "steps" not in case:
        got["command"] = by_command(prover, case, folder, "--prover", "fstar")
    wanted = {"not accepted": "rejected", "rejected": "elaboration", "accepted": "accepted"}
    return Row(case["id"], case["what"], (wanted.get(str(case["expected"]), "right"),), got)


def _last(case: Case, words: list[str]) -> str:
    """One word for a case of several requests: none hurts the next."""
    if "steps" not in case:
        return words[0]
    return "right" if words == case["expected"] else str(words)


def table(rows: list[Row]) -> str:
    """Return the table in Markdown."""
    lines = [
        "| case | what | expected | " + " | ".join(ROUTES) + " | |",
        "|---|---|---|" + "---|" * (len(ROUTES) + 1),
    ]
    for row in rows:
        got = [row.got.get(route, "–") for route in ROUTES]
        cells = [
            row.id,
            row.what,
            " or ".join(row.expected),
            *got,
            "yes" if row.right else "**NO**",
        ]
        lines.append(
            "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |"
        )
    return "\n".join(lines)


def main() -> None:
    rows = []
    with contextlib.closing(build_prover(load_settings())) as lean:
        for row in lean_rows(lean):
            sys.stderr.write(f"{row}\n")
            rows.append(row)
    with (
        contextlib.suppress(ToolchainMissing),
        contextlib.closing(build_checker(load_settings())) as fstar,
    ):
        for row in fstar_rows(fstar):
            sys.stderr.write(f"{row}\n")
            rows.append(row)
    wrong = [row.id for row in rows if not row.right]
    reasons = "\n".join(
        f"- {', '.join(row.id for row in rows if row.reason == text)}: {text}."
        for text in dict.fromkeys(row.reason for row in rows if row.reason)
    )
    head = (Path(__file__).parent / "head.md").read_text("utf-8")
    sys.stdout.write(f"{head}\n{table(rows)}\n\nOther than hoped, with the reason:\n\n{reasons}\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
