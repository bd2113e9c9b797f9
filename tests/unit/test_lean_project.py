"""Lake projects: what is found of them without running anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aludel.errors import InvalidRequest
from aludel.lean_checker.digests import folders_digest
from aludel.lean_checker.project import open_project, require_same_lean
from aludel.lean_checker.wording import import_fix
from aludel.models import Prover, Toolchain

COMMIT = "38f3c0c45b8d"


def compiled(package: Path, *modules: str, commit: str = COMMIT, lib: str = "lib/lean") -> None:
    for module in modules:
        path = package / ".lake" / "build" / lib / f"{module.replace('.', '/')}.olean"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            b"olean\2\0" + b"4.28.0".ljust(33, b"\0") + commit.encode() + module.encode()
        )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a dependency from git, one beside it, and one that is not built."""
    root = tmp_path / "demo"
    compiled(root, "Demo", "Demo.Basic")
    compiled(root / ".lake" / "packages" / "fruit", "Fruit", lib="lib")
    compiled(root / "near", "Near")
    (root / "lakefile.lean").write_text("import Lake")
    entries = [
        {"type": "git", "name": "fruit", "url": "https://example.org/fruit"},
        {"type": "path", "name": "near", "dir": "near"},
        {"type": "git", "name": "unbuilt"},
    ]
    (root / "lake-manifest.json").write_text(json.dumps({"packages": entries}))
    return root


def test_its_modules_come_first_then_its_dependencies(project: Path) -> None:
    found = open_project(project)
    assert [path.relative_to(project).as_posix() for path in found.search] == [
        ".lake/build/lib/lean",
        ".lake/packages/fruit/.lake/build/lib",
        "near/.lake/build/lib/lean",
    ]
    assert found.name == "demo"
    assert found.modules() == ["Demo", "Demo.Basic"]
    assert found.matching(("Demo.*",)) == ("Demo.Basic",)
    with pytest.raises(InvalidRequest, match="no module of demo matches 'Nat'") as caught:
        found.matching(("Nat",))
    assert "Demo, Demo.Basic" in (caught.value.fix or "")


def test_a_lakefile_in_toml_names_project_and_build_folder(tmp_path: Path) -> None:
    (tmp_path / "lakefile.toml").write_text('name = "apple"\nbuildDir = "out"\n')
    (tmp_path / "out" / "lib" / "lean").mkdir(parents=True)
    (tmp_path / "out" / "lib" / "lean" / "Apple.olean").write_bytes(b"olean")
    found = open_project(tmp_path)
    assert (found.name, found.modules()) == ("apple", ["Apple"])


def test_what_is_no_built_project_is_refused_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"neither lakefile\.toml") as caught:
        open_project(tmp_path)
    assert caught.value.field == "project"
    (tmp_path / "lakefile.toml").write_text("")
    with pytest.raises(InvalidRequest, match="no compiled modules") as caught:
        open_project(tmp_path)
    assert "lake build" in (caught.value.fix or "")
    (tmp_path / "lakefile.toml").write_text("name =")
    with pytest.raises(InvalidRequest, match="cannot be read"):
        open_project(tmp_path)


@pytest.mark.parametrize("text", ["[]", "{", '{"packages": [{}]}'])
def test_a_manifest_that_makes_no_sense_is_refused(project: Path, text: str) -> None:
    (project / "lake-manifest.json").write_text(text)
    with pytest.raises(InvalidRequest, match="cannot be understood") as caught:
        open_project(project)
    assert caught.value.fix == "run `lake update`"


def test_a_project_of_another_lean_is_refused(project: Path) -> None:
    toolchain = Toolchain(
        prover=Prover.LEAN, name="lean-9", version="9", kind="native", digest="", commit=COMMIT
    )
    require_same_lean(open_project(project), toolchain)
    (project / "lean-toolchain").write_text("leanprover/lean4:v4.28.0\n")
    other = toolchain.model_copy(update={"commit": "0123456789abcdef"})
    with pytest.raises(InvalidRequest, match="was not built by lean-9") as caught:
        require_same_lean(open_project(project), other)
    assert "leanprover/lean4:v4.28.0" in (caught.value.fix or "")


def test_the_digest_covers_every_compiled_module(project: Path, tmp_path: Path) -> None:
    found, cache = open_project(project), tmp_path / "cache"
    first = found.digest(cache)
    assert found.digest(cache) == first == found.digest(tmp_path / "other")
    for package in (project, project / "near"):
        before = found.digest(cache)
        module = next((package / ".lake" / "build").rglob("*.olean"))
        module.write_bytes(module.read_bytes() + b"x")
        assert found.digest(cache) != before
    before = found.digest(cache)
    compiled(project, "Demo.New")
    assert found.digest(cache) != before


def test_sums_that_were_damaged_are_made_again(project: Path, tmp_path: Path) -> None:
    folders = open_project(project).search
    first = folders_digest(folders, tmp_path, ("*.olean",))
    (kept,) = tmp_path.glob("*.json")
    kept.write_text('{"a": 1}')
    assert folders_digest(folders, tmp_path, ("*.olean",)) == first


def test_a_package_without_compiled_modules_is_named(project: Path) -> None:
    assert open_project(project).unbuilt == ("unbuilt",)
    said = "unknown module prefix 'Fig'"
    assert import_fix(said) == import_fix(said, ())
    assert "`lake build`" in (import_fix(said, ("unbuilt",)) or "")
    assert "unbuilt" in (import_fix(said, ("unbuilt",)) or "")


def test_modules_in_lakes_cache_alone_are_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "lakefile.toml").write_text('name = "apple"\n')
    traces = tmp_path / ".lake" / "build" / "lib" / "lean"
    traces.mkdir(parents=True)
    (traces / "Apple.trace").write_text("{}")
    with pytest.raises(InvalidRequest, match="no compiled modules") as caught:
        open_project(tmp_path)
    assert "LAKE_RESTORE_ARTIFACTS=true" in (caught.value.fix or "")


def test_options_of_a_lakefile_in_toml(tmp_path: Path) -> None:
    compiled(tmp_path, "Apple")
    (tmp_path / "lakefile.toml").write_text(
        "[leanOptions]\nautoImplicit = false\npp.unicode.fun = true\nweak.linter.x = true\n"
        "maxRecDepth = 700\nmaxHeartbeats = 900000\nbackward.eqns.nonrecursive = false\n"
        '[[lean_lib]]\nname = "Apple"\nleanOptions = {relaxedAutoImplicit = false}\n'
    )
    found = open_project(tmp_path)
    assert found.options == {
        "autoImplicit": False,
        "relaxedAutoImplicit": False,
        "maxRecDepth": 700,
        "backward.eqns.nonrecursive": False,
    }
    assert found.note is None


def test_options_that_lake_wrote_down_count_for_a_lakefile_that_is_a_program(
    project: Path, tmp_path: Path
) -> None:
    bare = open_project(project)
    assert (bare.options, "lakefile.lean" in (bare.note or "")) == ({}, True)
    written(project, "Demo", {"autoImplicit": False, "weak.linter.style": True})
    written(project, "Demo/Basic", {"autoImplicit": False, "pp.all": True})
    found = open_project(project)
    assert (found.options, found.note) == ({"autoImplicit": False}, None)
    assert found.digest(tmp_path / "sums") != bare.digest(tmp_path / "sums")
    written(project, "Demo/Basic", {"autoImplicit": True, "maxRecDepth": 9})
    found = open_project(project)
    assert found.options == {}
    assert "autoImplicit, maxRecDepth" in (found.note or "")


def written(project: Path, module: str, options: dict[str, object]) -> None:
    path = project / ".lake" / "build" / "ir" / f"{module}.setup.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"name": module, "isModule": False, "options": options}))


def test_the_digest_covers_compiled_code_and_tells_how_far_it_is(
    project: Path, tmp_path: Path
) -> None:
    found, told = open_project(project), Told()
    before = found.digest(tmp_path, told)
    assert (told.title, told.total, told.done) == ("Hashing compiled modules", 4, 4)
    (found.search[0] / "Demo.ir").write_bytes(b"code")
    told = Told()
    assert found.digest(tmp_path, told) != before
    assert (told.total, told.done) == (1, 1)
    told = Told()
    found.digest(tmp_path, told)
    assert told.total is None


class Told:
    """What a digest says of its progress."""

    def __init__(self) -> None:
        self.title, self.done = "", 0
        self.total: int | None = None

    def step(self, title: str, total: int | None = None, done: int = 0) -> None:
        self.title, self.total = title, total

    def advance(self, amount: int = 1, note: str = "") -> None:
        self.done += amount
