"""The journal of finished shards, by which an export that was killed goes on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from aludel.errors import Conflict
from aludel.proof_export.staging import JOURNAL, write_synced


class ShardFile(BaseModel):
    """One file of a shard."""

    model_config = ConfigDict(frozen=True)

    bytes: int
    sha256: str


class Shard(BaseModel):
    """A finished shard: ``rows`` rows in one file for each format.

    ``origin`` is a digest over the records that the rows were made of, in order.
    """

    model_config = ConfigDict(frozen=True)

    recipe: str
    split: str
    number: int
    rows: int
    origin: str
    files: dict[str, ShardFile]

    def unfinished(self, format_name: str) -> str:
        """Path of a file before the number of shards is known."""
        return unfinished_path(self.recipe, self.split, self.number, format_name)


def unfinished_path(recipe: str, split: str, number: int, format_name: str) -> str:
    """Return the path of a shard's file, relative to the export's folder."""
    return f"data/{recipe}/{split}-{number:05d}.{format_name}"


class ShardJournal:
    """The shards that are on the disk for good; one line of JSON each."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._path = folder.parent / JOURNAL
        self._left = _whole(folder, _read(self._path))
        entries = [{"fingerprint": fingerprint}, *(shard.model_dump() for shard in self._left)]
        draft = self._path.with_suffix(".part")
        draft.unlink(missing_ok=True)
        write_synced(draft, "".join(json.dumps(entry) + "\n" for entry in entries))
        draft.replace(self._path)

    def left(self, recipe: str, split: str) -> list[Shard]:
        """Return the shards that an earlier export left for a recipe and a split, in order."""
        return [s for s in self._left if s.recipe == recipe and s.split == split]

    def add(self, shard: Shard) -> None:
        """Record a shard whose files are synced; on the disk when this returns."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(shard.model_dump_json() + "\n")
            file.flush()
            os.fsync(file.fileno())


class Origin:
    """The running digest over the records that a shard's rows come from."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, identity: str) -> None:
        """Take in the record of one row."""
        self._hash.update(identity.encode("utf-8", "surrogatepass") + b"\n")

    def digest(self) -> str:
        """Return the digest so far."""
        return self._hash.hexdigest()


def changed() -> Conflict:
    """The error for records that are not those of the export that was killed."""
    return Conflict(
        "the records are no longer those of the export that was killed; what it left is cleared",
        field="out",
        fix="run the same command again",
    )


def _read(path: Path) -> list[Shard]:
    """Return the recorded shards; a torn last line is one that was not recorded."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").split("\n")[1:]:
        try:
            found.append(Shard.model_validate_json(line))
        except ValidationError:
            break
    return found


def _whole(folder: Path, shards: Iterable[Shard]) -> list[Shard]:
    """Return the shards whose files are there, under their unfinished names; remove the rest."""
    for path in sorted(folder.rglob("*-of-*")):
        stem, _, rest = path.name.partition("-of-")
        path.rename(path.with_name(stem + rest[5:]))
    whole: list[Shard] = []
    for shard in sorted(shards, key=lambda s: (s.recipe, s.split, s.number)):
        before = sum((s.recipe, s.split) == (shard.recipe, shard.split) for s in whole)
        if before == shard.number and _is_there(folder, shard):  # none after one that is lost
            whole.append(shard)
    kept = {shard.unfinished(name) for shard in whole for name in shard.files}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).as_posix() not in kept:
            path.unlink()
    return whole


def _is_there(folder: Path, shard: Shard) -> bool:
    paths = [(folder / shard.unfinished(name), file) for name, file in shard.files.items()]
    return all(path.exists() and path.stat().st_size == file.bytes for path, file in paths)
