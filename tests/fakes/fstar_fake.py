"""A HAND-WRITTEN stand-in for F* with protocol 3; not a recording, and it proves nothing.

It exists for what the recordings cannot show: features of protocol 3, and machines that fail. It
answers ``success`` to every query except a push of code that holds one of the words below. Usage:
``fstar_fake.py [FEATURE ...]`` adds features to the banner. Files in the working folder change it:
``forged.json`` holds the issues that a push of ``forged_here`` is answered with, ``answers.json``
the answer (``[status, body]``) to queries whose text holds its key, ``crash-once``
makes the word ``crash_once`` work the second time, ``limit-probe`` makes the checker's use at the
type run into the limit, ``refuse-restart`` refuses ``restart-solver``. ``held``
says how many texts are held.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

FEATURES = ["exit", "interrupt", "lookup", "pop", "push", "vfs-add", "progress"]


class Interrupted(Exception):
    """SIGINT while a query runs."""


def issue(
    message: str, line: int, level: str = "error", number: int | None = None
) -> dict[str, Any]:
    place = {"fname": "<input>", "beg": [line, 0], "end": [line, 1]}
    found: dict[str, Any] = {"level": level, "message": message, "ranges": [place]}
    return found if number is None else {**found, "number": number}


REFUSED = {
    "Lemma False": ("assertion failed; the SMT solver says unknown", None),
    "no_solver": ("Z3 not found", 17),
    "own_fault": ("ASSERTION FAILURE: F* may be in an inconsistent state", None),
    "rlimit_here": ("The SMT query timed out, you might want to increase the rlimit", None),
    "wrong_type": ("Expected type nat", 189),
}


def push(code: str, line: int) -> tuple[str, list[dict[str, Any]]]:
    forged = Path("forged.json")
    if "forged_here" in code and forged.exists():
        issues = json.loads(forged.read_text())
        failed = any(i["level"] == "error" for i in issues)
        return "failure" if failed else "success", issues
    probe_limited = "let aludel_probe_" in code and Path("limit-probe").exists()
    for word, (message, number) in REFUSED.items():
        if word in code or (probe_limited and word == "rlimit_here"):
            return "failure", [issue(message, line, number=number)]
    if "crash_now" in code or ("crash_once" in code and not Path("crash-once").exists()):
        Path("crash-once").touch()
        os._exit(9)
    if "hang_here" in code:
        time.sleep(600)
    if "grow_here" in code:
        held = bytearray(600 * 2**20)
        time.sleep(600 + len(held) * 0)
    if "garbage_here" in code:
        print("{this is not JSON", flush=True)
        time.sleep(600)
    if "hidden_assume" in code:
        return "success", [issue("an assumption is used", line, "warning", 335)]
    return "success", []


def forged_answer(query: str, args: dict[str, Any]) -> tuple[str, Any] | None:
    """The answer that ``answers.json`` gives to a query, by what its text holds."""
    path = Path("answers.json")
    answers = json.loads(path.read_text()) if path.exists() else {}
    text = f"{query} {args.get('code', args.get('symbol', ''))}"
    return next(((status, body) for word, (status, body) in answers.items() if word in text), None)


class Fake:
    """The stack of pushed texts, and answers."""

    def __init__(self) -> None:
        self.held: list[tuple[str, int]] = []

    def answer(self, query: str, args: dict[str, Any]) -> tuple[str, Any]:
        given = forged_answer(query, args)
        if query == "push":
            status, issues = given or push(args["code"], args["line"])
            if status == "success":
                self.held.append((args["code"], args["line"]))
            return status, issues
        if given:
            return given
        if query == "pop":
            if not self.held:
                return "failure", "Too many pops"
            self.held.pop()
            return "success", None
        if query == "lookup":
            return self.lookup(args["symbol"])
        if query == "push-partial-checked-file":
            self.held.append((args["until-lid"], 0))
            return "success", []
        if query == "restart-solver" and Path("refuse-restart").exists():
            return "failure", "no solver to restart"
        return "success", None

    def lookup(self, symbol: str) -> tuple[str, Any]:
        for code, line in reversed(self.held):
            head = r"\(" if symbol.startswith("op_") else rf"{re.escape(symbol)}(?![\w'])"
            match = re.search(rf"let\s+(?:rec\s+)?{head}", code)
            if match:
                at = line + code[: match.start()].count("\n")
                place = {"fname": "<input>", "beg": [at, 4], "end": [at, 5]}
                return "success", {"kind": "symbol", "name": symbol, "defined-at": place}
        return "failure", "No such symbol, module, or namespace."


def interrupt(*_: object) -> None:
    raise Interrupted


def main() -> None:
    signal.signal(signal.SIGINT, interrupt)
    banner = {"kind": "protocol-info", "version": 3, "features": FEATURES + sys.argv[1:]}
    print(json.dumps(banner), flush=True)
    fake = Fake()
    log = Path("queries.log").open("a")  # noqa: SIM115 - open as long as the process
    for line in sys.stdin:
        asked = json.loads(line)
        log.write(line)
        log.flush()
        try:
            status, body = fake.answer(asked["query"], asked["args"])
        except Interrupted:
            status, body = "failure", []
        Path("held").write_text(str(len(fake.held)))
        head = {"kind": "response", "query-id": asked["query-id"]}
        print(json.dumps({**head, "status": status, "response": body}), flush=True)
        if asked["query"] == "exit":
            return


if __name__ == "__main__":
    main()
