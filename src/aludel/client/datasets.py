"""Datasets of a service: ``Client.datasets`` and ``AsyncClient.datasets``."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from aludel.client.goals import AsyncRunner, Runner
from aludel.client.transport import Call, Flow, ask, parsed
from aludel.errors import BackendUnavailable
from aludel.http_models import Dataset, DatasetList, DatasetSummary
from aludel.job_requests import ExportRequest
from aludel.jobs import Job

_PATH = "/v1/datasets"
_PART_BYTES = 8 * 2**20


def submit(request: ExportRequest, retries: int, key: str | None) -> Flow[Job]:
    """Submit an export; equal keys mean the same job."""
    call = Call(
        "POST",
        _PATH,
        json=request.model_dump(mode="json"),
        headers={"Idempotency-Key": key or uuid.uuid4().hex},
    )
    return parsed(Job, (yield from ask(call, retries)))


def listed(retries: int) -> Flow[tuple[DatasetSummary, ...]]:
    """Return the datasets."""
    return parsed(DatasetList, (yield from ask(Call("GET", _PATH), retries))).datasets


def get(name: str, retries: int) -> Flow[Dataset]:
    """Return a dataset's manifest and card."""
    return parsed(
        Dataset, (yield from ask(Call("GET", f"{_PATH}/{quote(name, safe='')}"), retries))
    )


def part(name: str, path: str, start: int, retries: int) -> Flow[bytes]:
    """Return a part of a file, from byte ``start``; asked for again if the connection breaks."""
    wanted = {"Range": f"bytes={start}-{start + _PART_BYTES - 1}"}
    call = Call(
        "GET", f"{_PATH}/{quote(name, safe='')}/files/{quote(path)}", headers=wanted, read_s=120.0
    )
    answer = yield from ask(call, retries)
    if answer.status_code != 206 or not answer.content:
        raise BackendUnavailable("the service does not answer a range", fix="is there a proxy?")
    return answer.content


class _Copy:
    """A file that is being downloaded; it gets its name when its digest is right.

    Raises:
        BackendUnavailable: the service names a file outside the dataset.
    """

    def __init__(self, folder: Path, listed: dict[str, Any]) -> None:
        path = PurePosixPath(listed["path"])
        if path.is_absolute() or ".." in path.parts:
            raise BackendUnavailable(f"the service lists a file {str(path)!r}")
        self.path, self.size = str(path), int(listed["bytes"])
        self._target = folder / path
        self._sha256 = listed["sha256"]
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._partial = self._target.with_name(self._target.name + ".partial")
        self._partial.write_bytes(b"")
        self._digest = hashlib.sha256()

    def add(self, data: bytes) -> None:
        """Append a part."""
        with self._partial.open("ab") as out:
            out.write(data)
        self._digest.update(data)

    def finish(self) -> None:
        """Give the file its name.

        Raises:
            BackendUnavailable: it is not what the manifest says.
        """
        if self._digest.hexdigest() != self._sha256:
            raise BackendUnavailable(f"{self.path} is not what the manifest says; ask again")
        self._partial.replace(self._target)


class RemoteDatasets:
    """Datasets of a service; made by ``Client.datasets``. Watch a job with ``Client.wait``."""

    def __init__(self, run: Runner, retries: int) -> None:
        self._run = run
        self._retries = retries

    def submit(self, request: ExportRequest, *, key: str | None = None) -> Job:
        """Have a dataset written; equal ``key`` (an idempotency key) means the same job.

        Raises:
            InvalidRequest: the request is wrong.
            Conflict: there is a dataset of this name.
            BackendUnavailable: the service does not answer.
        """
        return self._run(submit(request, self._retries, key))

    def list(self) -> tuple[DatasetSummary, ...]:
        """Return the datasets by name."""
        return self._run(listed(self._retries))

    def get(self, name: str) -> Dataset:
        """Return a dataset's manifest and card.

        Raises:
            NotFound: there is none of this name.
        """
        return self._run(get(name, self._retries))

    def read(self, name: str, path: str, size: int) -> Iterator[bytes]:
        """Yield a file of ``size`` bytes in parts of at most 8 MiB."""
        at = 0
        while at < size:
            data = self._run(part(name, path, at, self._retries))
            at += len(data)
            yield data

    def download(self, name: str, folder: Path) -> Dataset:
        """Copy a dataset's files into ``folder``; each is compared with its SHA-256.

        Raises:
            NotFound: there is none of this name.
            BackendUnavailable: a file is not what the manifest says.
        """
        dataset = self.get(name)
        for entry in dataset.manifest["files"]:
            copy = _Copy(folder, entry)
            for data in self.read(name, copy.path, copy.size):
                copy.add(data)
            copy.finish()
        return dataset


class AsyncDatasets:
    """What :class:`RemoteDatasets` does, awaiting; made by ``AsyncClient.datasets``."""

    def __init__(self, run: AsyncRunner, retries: int) -> None:
        self._run = run
        self._retries = retries

    async def submit(self, request: ExportRequest, *, key: str | None = None) -> Job:
        """Have a dataset written; see :meth:`RemoteDatasets.submit`."""
        return await self._run(submit(request, self._retries, key))

    async def list(self) -> tuple[DatasetSummary, ...]:
        """Return the datasets by name."""
        return await self._run(listed(self._retries))

    async def get(self, name: str) -> Dataset:
        """Return a dataset's manifest and card; see :meth:`RemoteDatasets.get`."""
        return await self._run(get(name, self._retries))

    async def read(self, name: str, path: str, size: int) -> AsyncIterator[bytes]:
        """Yield a file of ``size`` bytes in parts of at most 8 MiB."""
        at = 0
        while at < size:
            data = await self._run(part(name, path, at, self._retries))
            at += len(data)
            yield data

    async def download(self, name: str, folder: Path) -> Dataset:
        """Copy a dataset's files; see :meth:`RemoteDatasets.download`."""
        dataset = await self.get(name)
        for entry in dataset.manifest["files"]:
            copy = _Copy(folder, entry)
            async for data in self.read(name, copy.path, copy.size):
                copy.add(data)
            copy.finish()
        return dataset
