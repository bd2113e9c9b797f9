"""An export that was killed goes on from its complete shards, and the bytes are the same."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import zstandard

SCRIPT = Path(__file__).resolve().parents[1] / "fakes" / "export_script.py"
RECORDS = 6_000


def command(out: Path, *more: int) -> list[str]:
    return [sys.executable, str(SCRIPT), str(out), str(RECORDS), *map(str, more)]


def contents(out: Path) -> dict[str, str]:
    files = (path for path in out.rglob("*") if path.is_file())
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    subprocess.run(command(out), check=True, stdout=subprocess.DEVNULL, timeout=120)
    return contents(out)


def kill_at(out: Path, record: int, after_s: float = 0.0) -> None:
    """Kill an export when it has read so many records, at the latest before it says so again."""
    with subprocess.Popen(command(out), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= record:
                break
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)


def complete_shards(out: Path) -> list[Path]:
    """The files of the shards that the journal of a killed export names."""
    journal = out.parent / f".{out.name}.partial" / "shards.jsonl"
    if not journal.exists():
        return []
    found = []
    for line in journal.read_text().split("\n")[1:-1]:
        shard = json.loads(line)
        stem = f"{shard['split']}-{shard['number']:05d}"
        folder = journal.parent / "export" / "data" / shard["recipe"]
        found += [p for name in shard["files"] for p in folder.glob(f"{stem}*.{name}")]
    return found


def test_killed_at_random_moments_it_ends_with_the_same_bytes(
    tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    seed = int(os.environ.get("SEED", random.randrange(10**6)))
    moments = random.Random(seed)
    out = tmp_path / "out"
    kill_at(out, moments.randrange(500, RECORDS), moments.uniform(0, 0.03))
    if not out.exists():
        kill_at(out, RECORDS, moments.uniform(0, 0.03))  # while it names the shards and the folder
    if not out.exists():
        subprocess.run(command(out), check=True, stdout=subprocess.DEVNULL, timeout=120)
    assert contents(out) == undisturbed, f"SEED={seed}"
    left = [path.name for path in tmp_path.iterdir()]
    assert left == ["out"] or sorted(left) == [".out.partial", "out"]


def killed_late(out: Path) -> list[Path]:
    """Kill an export when some of its shards are complete; return their files."""
    kill_at(out, RECORDS - 1_500)
    assert not out.exists()
    found = complete_shards(out)
    assert found
    return found


def test_complete_shards_are_not_written_again(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    out = tmp_path / "out"
    files = killed_late(out)
    before = {path.stat().st_ino for path in files}
    subprocess.run(command(out), check=True, stdout=subprocess.DEVNULL, timeout=120)
    after = {path.stat().st_ino for path in (out / "data").rglob("*") if path.is_file()}
    assert before <= after
    assert contents(out) == undisturbed


def test_a_shard_that_lost_bytes_and_a_torn_journal_are_made_good(
    tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    out = tmp_path / "out"
    files = killed_late(out)
    os.truncate(files[0], 1)
    with (tmp_path / ".out.partial" / "shards.jsonl").open("a") as journal:
        journal.write('{"recipe": "cpt", "spl')
    subprocess.run(command(out), check=True, stdout=subprocess.DEVNULL, timeout=120)
    assert contents(out) == undisturbed


def test_other_records_are_noticed_and_nothing_is_left(tmp_path: Path) -> None:
    out = tmp_path / "out"
    killed_late(out)
    again = subprocess.run(
        command(out, 3), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=120
    )
    assert "the records are no longer those of the export that was killed" in again.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_compressed_lines_are_the_plain_ones(tmp_path: Path) -> None:
    out = tmp_path / "out"
    subprocess.run(
        [sys.executable, str(SCRIPT), str(out), "900"],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=120,
    )
    plain = sorted(out.rglob("*.jsonl"))
    assert plain
    for path in plain:
        packed = path.with_name(path.name + ".zst").read_bytes()
        assert zstandard.ZstdDecompressor().stream_reader(packed).read() == path.read_bytes()
