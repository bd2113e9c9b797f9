"""Answers as a recorded F* session did. Strict: an unexpected query ends it with status 3.

Usage: ``fstar_replay.py TRANSCRIPT [SPEED]``. SPEED 0 (the default) answers at once; 1 waits as
long as the recorded process did. Query ids are the asker's own; queries are compared as JSON.
F* greets without being asked, so the banner comes first even where the recorder did not wait.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

UNEXPECTED = 3
INTERRUPTED_IDLE = 130


class Replayer:
    """Walks through the records; see the module's docstring."""

    def __init__(self, records: list[dict[str, Any]], speed: float) -> None:
        self.records = records
        self.speed = speed
        self.at = 0
        self.interrupts = 0
        self.ids: dict[str, str] = {}
        self.now = 0.0
        self.exited = False

    def run(self) -> None:
        while self.at < len(self.records):
            record = self.records[self.at]
            self.at += 1
            if record["dir"] == "out":
                self.say(record)
            elif record["dir"] == "note":
                self.await_signal(record["line"])
            else:
                self.hear(record)
            self.now = record["t"]
        if self.exited:
            return
        rest = sys.stdin.readline()
        if rest:
            self.refuse(f"a query after the last recorded one: {rest!r}")

    def say(self, record: dict[str, Any]) -> None:
        time.sleep(max(0.0, record["t"] - self.now) * self.speed)
        value = json.loads(record["line"])
        if value.get("query-id") in self.ids:
            value["query-id"] = self.ids[value["query-id"]]
        print(json.dumps(value), flush=True)

    def hear(self, record: dict[str, Any]) -> None:
        line = sys.stdin.readline()
        if not line:
            sys.exit(0)
        try:
            recorded = json.loads(record["line"])
        except ValueError:
            if line.rstrip("\n") != record["line"]:
                self.refuse(f"expected {record['line']!r}, got {line!r}")
            return
        asked = json.loads(line)
        if {**asked, "query-id": 0} != {**recorded, "query-id": 0}:
            self.refuse(f"expected {record['line']}, got {line}")
        self.ids[recorded["query-id"]] = asked["query-id"]
        self.exited = asked["query"] == "exit"

    def await_signal(self, note: str) -> None:
        if "SIGINT" not in note:
            time.sleep(600)  # until it is killed, as recorded
        while not self.interrupts:
            time.sleep(0.002)
        self.interrupts = 0
        idle = self.at >= len(self.records) or self.records[self.at]["dir"] != "out"
        if idle:
            sys.exit(INTERRUPTED_IDLE)

    def refuse(self, why: str) -> None:
        print(f"fstar_replay: {why}", file=sys.stderr, flush=True)
        sys.exit(UNEXPECTED)


def main() -> None:
    path, speed = Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    records = [json.loads(line) for line in path.read_text().splitlines()]
    records.sort(key=lambda r: '"protocol-info"' not in r["line"])  # stable: only moves the banner
    replayer = Replayer(records, speed)

    def interrupted(*_: object) -> None:
        replayer.interrupts += 1

    signal.signal(signal.SIGINT, interrupted)
    replayer.run()


if __name__ == "__main__":
    main()
