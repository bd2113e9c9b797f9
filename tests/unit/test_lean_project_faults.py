"""Lake projects that are damaged, hostile, or built again under a service."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from aludel.errors import BackendUnavailable, InvalidRequest
from aludel.lean_checker.native.host import NativeHost
from aludel.lean_checker.native.locate import NativeLean
from aludel.lean_checker.process import LeanProcess, ServerCommand
from aludel.lean_checker.project import open_project
from aludel.lean_checker.toolchains import ensure_searchable

DEEP = 100_000


def compiled(package: Path, module: str) -> None:
    path = package / ".lake" / "build" / "lib" / "lean" / f"{module}.olean"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"olean")


def written(project: Path, module: str, options: dict[str, object]) -> None:
    path = project / ".lake" / "build" / "ir" / f"{module}.setup.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"name": module, "isModule": False, "options": options}))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    compiled(tmp_path, "Apple")
    (tmp_path / "lakefile.toml").write_text('name = "apple"\n')
    return tmp_path


def refused(folder: Path) -> str:
    with pytest.raises(InvalidRequest) as caught:
        open_project(folder)
    assert caught.value.field == "project"
    assert caught.value.fix
    return caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        b"name = " + b"[" * DEEP,
        b"\xff\xfe",
        b"x = '" + b"a" * 10_000_001 + b"'",
        b"[leanOptions]\n" + b".".join([b"a"] * DEEP) + b" = 1\n",
        b"name = {a = 1}",
        b"name = 'a\\nb'\nname = 2",
        b'name = "a\\nb"',
        b"name = '" + b"a" * 101 + b"'",
    ],
    ids=["deep", "binary", "huge", "dotted", "table", "twice", "lines", "long"],
)
def test_lakefiles_that_no_one_writes_are_refused(project: Path, text: bytes) -> None:
    (project / "lakefile.toml").write_bytes(text)
    assert len(refused(project)) < 1_000


@pytest.mark.parametrize("text", ["[" * DEEP, '{"packages": [[]]}', '{"packages": 5}', '"\ud800"'])
def test_manifests_that_no_one_writes_are_refused(project: Path, text: str) -> None:
    (project / "lake-manifest.json").write_bytes(text.encode(errors="surrogatepass"))
    refused(project)


def test_links_in_a_circle_and_the_home_of_nobody_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for folder in (tmp_path / "a", Path("~nobody-of-this-name/x"), tmp_path / ("a" * 5_000)):
        refused(folder)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "lakefile.toml").symlink_to(tmp_path / "a")
    refused(tmp_path / "c")


@pytest.mark.parametrize(
    "text",
    [
        "[" * DEEP,
        "[]",
        '{"options": [1]}',
        '{"options": {"autoImplicit": {"a": true}}}',
        '{"options": {"autoImplicit": null}}',
        '{"options": {"maxRecDepth": 99999999999}}',
        json.dumps({"options": {"a" * 2_000: True}}),
    ],
)
def test_setups_that_cannot_be_understood_are_told(project: Path, text: str) -> None:
    written(project, "Apple", {"autoImplicit": False})
    other = project / ".lake" / "build" / "ir" / "Other.setup.json"
    other.write_text(text)
    found = open_project(project)
    assert (found.options, "1 of the files" in str(found.note)) == ({"autoImplicit": False}, True)


def test_options_that_no_request_may_set_are_left_out_of_a_projects(project: Path) -> None:
    written(project, "Apple", {"interpreter.prefer_native": True, "bootstrap.x": True, "a": 1})
    assert open_project(project).options == {"a": 1}


def test_a_build_is_noticed_by_what_was_opened_before_it(project: Path, tmp_path: Path) -> None:
    found = open_project(project)
    unchanged = found.guard()
    unchanged()
    (found.search[0] / "Apple.txt").write_text("not compiled")
    unchanged()
    module = found.search[0] / "Apple.olean"
    os.utime(module, ns=(1, 1))
    with pytest.raises(BackendUnavailable) as caught:
        unchanged()
    assert "start the service or worker again" in str(caught.value.fix)
    again = found.guard()
    module.unlink()
    with pytest.raises(BackendUnavailable):
        again()


class Loading(LeanProcess):
    """A process that imports what it is told, and nothing else."""

    def __init__(self, command: ServerCommand, *, there: bool = True) -> None:
        self._command, self._there, self.requests = command, there, 0
        self.loaded = {("Init",)}

    def ask(self, *_: Any, **__: Any) -> Any:
        self.requests += 1
        if not self._there:
            raise InvalidRequest("unknown module", field="imports")


@pytest.mark.parametrize("there", [True, False])
def test_a_process_that_imports_another_build_is_no_process(tmp_path: Path, there: bool) -> None:
    def changed() -> None:
        raise BackendUnavailable("built again")

    command = ServerCommand(argv=(), env={}, cwd=tmp_path, unchanged=changed)
    process = Loading(command, there=there)
    process.load(("Init", "Std"), None)  # type: ignore[arg-type]
    with pytest.raises(BackendUnavailable):  # never an unknown module of the candidate's
        process.load(("Init", "Apple"), None)  # type: ignore[arg-type]


def test_a_folder_that_a_native_lean_would_part_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "a:b"
    compiled(root, "Apple")
    (root / "lakefile.toml").write_text("")
    native = NativeHost(NativeLean(tmp_path, "4.28.0", None), tmp_path)
    with pytest.raises(InvalidRequest, match="colon"):
        ensure_searchable(open_project(root), native)
