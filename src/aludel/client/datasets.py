"""Datasets of a service: ``Client.datasets`` and ``AsyncClient.datasets``."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from aludel.client.base import AsyncResource, Resource
from aludel.client.transport import Call, Flow, answer_to, fetch, idempotent
from aludel.errors import BackendUnavailable
from aludel.http_models import Dataset, DatasetList, DatasetSummary
from aludel.job_requests import ExportRequest
from aludel.jobs import Job

_PATH = "/v1/datasets"
_PART_BYTES = 8 * 2**20
# What a dataset's folder holds beside the files that its manifest lists; the manifest comes last,
# so that a folder with one is whole.
_BESIDE = ("README.md", "manifest.json")


def submit(request: ExportRequest, key: str | None) -> Flow[Job]:
    """Submit an export; equal keys mean the same job."""
    body = request.model_dump(mode="json")
    return fetch(Job, Call("POST", _PATH, json=body, headers=idempotent(key)))


def listed() -> Flow[tuple[DatasetSummary, ...]]:
    """Return the datasets."""
    return (yield from fetch(DatasetList, Call("GET", _PATH))).datasets


def get(name: str) -> Flow[Dataset]:
    """Return a dataset's manifest and card."""
    return fetch(Dataset, Call("GET", f"{_PATH}/{quote(name, safe='')}"))


def _file_of(name: str, path: str) -> str:
    return f"{_PATH}/{quote(name, safe='')}/files/{quote(path)}"


def whole(name: str, path: str) -> Flow[bytes]:
    """Return a small file, such as the card."""
    return (yield from answer_to(Call("GET", _file_of(name, path), read_s=120.0))).content


def part(name: str, path: str, start: int) -> Flow[bytes]:
    """Return a part of a file, from byte ``start``; asked for again if the connection breaks."""
    wanted = {"Range": f"bytes={start}-{start + _PART_BYTES - 1}"}
    answer = yield from answer_to(Call("GET", _file_of(name, path), headers=wanted, read_s=120.0))
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


def _keep(path: Path, data: bytes) -> None:
    """Write a file that appears whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    partial.replace(path)


class RemoteDatasets(Resource):
    """Datasets of a service; made by ``Client.datasets``. Watch a job with ``Client.wait``."""

    def submit(self, request: ExportRequest, *, key: str | None = None) -> Job:
        """Have a dataset written; equal ``key`` (an idempotency key) means the same job.

        Raises:
            InvalidRequest: the request is wrong.
            Conflict: there is a dataset of this name.
            BackendUnavailable: the service does not answer.
        """
        return self._run(submit(request, key))

    def list(self) -> tuple[DatasetSummary, ...]:
        """Return the datasets by name."""
        return self._run(listed())

    def get(self, name: str) -> Dataset:
        """Return a dataset's manifest and card.

        Raises:
            NotFound: there is none of this name.
        """
        return self._run(get(name))

    def read(self, name: str, path: str, size: int) -> Iterator[bytes]:
        """Yield a file of ``size`` bytes in parts of at most 8 MiB."""
        at = 0
        while at < size:
            data = self._run(part(name, path, at))
            at += len(data)
            yield data

    def download(self, name: str, folder: Path | str) -> Dataset:
        """Copy data, card and manifest into ``folder``; data files are compared with their SHA-256.

        Raises:
            NotFound: there is none of this name.
            BackendUnavailable: a file is not what the manifest says.
        """
        dataset = self.get(name)
        for entry in dataset.manifest["files"]:
            copy = _Copy(Path(folder), entry)
            for data in self.read(name, copy.path, copy.size):
                copy.add(data)
            copy.finish()
        for path in _BESIDE:
            _keep(Path(folder) / path, self._run(whole(name, path)))
        return dataset


class AsyncDatasets(AsyncResource):
    """The asynchronous :class:`RemoteDatasets`; made by ``AsyncClient.datasets``."""

    async def submit(self, request: ExportRequest, *, key: str | None = None) -> Job:
        """Have a dataset written; see :meth:`RemoteDatasets.submit`."""
        return await self._run(submit(request, key))

    async def list(self) -> tuple[DatasetSummary, ...]:
        """Return the datasets by name."""
        return await self._run(listed())

    async def get(self, name: str) -> Dataset:
        """Return a dataset's manifest and card; see :meth:`RemoteDatasets.get`."""
        return await self._run(get(name))

    async def read(self, name: str, path: str, size: int) -> AsyncIterator[bytes]:
        """Yield a file of ``size`` bytes in parts of at most 8 MiB."""
        at = 0
        while at < size:
            data = await self._run(part(name, path, at))
            at += len(data)
            yield data

    async def download(self, name: str, folder: Path | str) -> Dataset:
        """Copy a dataset; see :meth:`RemoteDatasets.download`."""
        dataset = await self.get(name)
        for entry in dataset.manifest["files"]:
            copy = _Copy(Path(folder), entry)
            async for data in self.read(name, copy.path, copy.size):
                copy.add(data)
            copy.finish()
        for path in _BESIDE:
            _keep(Path(folder) / path, await self._run(whole(name, path)))
        return dataset
