"""A stand-in for the Hub's HTTP API: repositories of data sets that take commits of files.

Parquet files come by LFS in one part each, all others inside the commit; Xet is not here.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_API = "/api/datasets/"


@dataclass
class FakeHub:
    """What was uploaded, by repository and path, and the requests in order."""

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answered()

    def do_HEAD(self) -> None:
        self._answered()

    def do_POST(self) -> None:
        self._answered()

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.hub.objects[self.path.rpartition("/")[2]] = body
        self._send(200, b"", {})

    def _answered(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        self.hub.tokens.add(self.headers.get("Authorization", ""))
        if path == "/api/repos/create":
            asked = json.loads(body)
            self._created(f"{asked['organization']}/{asked['name']}")
        elif path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif path.endswith("/info/lfs/objects/batch"):
            self._batch(json.loads(body)["objects"])
        elif path.startswith(_API):
            owner, name, *rest = path.removeprefix(_API).split("/")
            self._of_repository(f"{owner}/{name}", rest, body)
        elif path.startswith("/datasets/") and "/resolve/" in path:
            where, _, file = path.removeprefix("/datasets/").partition("/resolve/")
            self._file(where, file.partition("/")[2])
        else:
            self._missing("EntryNotFound")

    def _created(self, repository: str) -> None:
        self.hub.files.setdefault(repository, {})
        self._json({"url": f"{self.hub.url}/datasets/{repository}", "name": repository})

    def _of_repository(self, repository: str, rest: list[str], body: bytes) -> None:
        files = self.hub.files.get(repository)
        if files is None:
            self._missing("RepoNotFound")
        elif rest[:1] == ["preupload"]:
            asked = json.loads(body)["files"]
            self._json({"files": [_mode(one["path"]) for one in asked]})
        elif rest[:1] == ["commit"]:
            self._commit(files, body)
            url = f"{self.hub.url}/datasets/{repository}/commit/{self._sha(files)}"
            self._json({"commitUrl": url, "commitOid": self._sha(files), "success": True})
        elif rest[:1] == ["tree"]:
            under = "/".join([*rest[2:], ""]).lstrip("/")
            found = [path for path in files if path.startswith(under)]
            if found or not under:
                self._json(_entries(files, found))
            else:
                self._missing("EntryNotFound")
        elif rest[:1] == ["paths-info"]:
            self._json(_entries(files, _paths(body)))
        else:
            listed = [{"rfilename": path} for path in files]
            self._json({"id": repository, "sha": self._sha(files), "siblings": listed,
                        "private": False, "tags": [], "downloads": 0, "likes": 0})  # fmt: skip

    def _batch(self, objects: list[dict[str, Any]]) -> None:
        upload = {one["oid"]: {"href": f"{self.hub.url}/objects/{one['oid']}"} for one in objects}
        found = [{**one, "actions": {"upload": upload[one["oid"]]}} for one in objects]
        self._json({"transfer": "basic", "objects": found})

    def _commit(self, files: dict[str, bytes], body: bytes) -> None:
        for line in body.splitlines():
            part = json.loads(line)
            if part["key"] == "file":
                value = part["value"]
                files[value["path"]] = base64.b64decode(value["content"])
            elif part["key"] == "lfsFile":
                files[part["value"]["path"]] = self.hub.objects[part["value"]["oid"]]

    def _file(self, repository: str, path: str) -> None:
        files = self.hub.files.get(repository, {})
        if path not in files:
            self._missing("EntryNotFound")
            return
        etag = hashlib.sha1(files[path], usedforsecurity=False).hexdigest()
        self._send(200, files[path], {"ETag": f'"{etag}"', "X-Repo-Commit": self._sha(files)})

    def _sha(self, files: dict[str, bytes]) -> str:
        return hashlib.sha1(repr(sorted(files.items())).encode(), usedforsecurity=False).hexdigest()

    def _missing(self, code: str) -> None:
        self._send(404, b"{}", {"X-Error-Code": code, "X-Error-Message": code})

    def _json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _mode(path: str) -> dict[str, Any]:
    mode = "lfs" if path.endswith(".parquet") else "regular"
    return {"path": path, "uploadMode": mode, "shouldIgnore": False}


def _paths(body: bytes) -> list[str]:
    text = body.decode()
    listed = json.loads(text)["paths"] if text.startswith("{") else parse_qs(text)["paths"]
    return [listed] if isinstance(listed, str) else list(listed)


def _entries(files: dict[str, bytes], paths: list[str]) -> list[dict[str, Any]]:
    """Return files and folders as the Hub lists them; what is neither is left out."""
    found: list[dict[str, Any]] = []
    for path in paths:
        if path in files:
            oid = hashlib.sha1(files[path], usedforsecurity=False).hexdigest()
            found.append({"type": "file", "path": path, "size": len(files[path]), "oid": oid})
        elif any(file.startswith(f"{path}/") for file in files):
            found.append({"type": "directory", "path": path, "size": 0, "oid": "0" * 40})
    return found


@contextlib.contextmanager
def fake_hub() -> Iterator[FakeHub]:
    """Serve an empty Hub on a port of its own."""
    hub = FakeHub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, name="fake-hub")
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
