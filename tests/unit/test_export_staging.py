"""An export appears whole or not at all, and replaces nothing but an export."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aludel.errors import Conflict, InvalidRequest
from aludel.proof_export.staging import MANIFEST, staged

ROOT = Path(__file__).resolve().parents[2]


def put(out: Path, text: str = "new", *, force: bool = False) -> None:
    with staged(out, force=force) as folder:
        (folder / "data").mkdir()
        (folder / "data" / "file").write_text(text)
        manifest = '{"format": "aludel-export/1", "files": [{"path": "data/file"}]}'
        (folder / MANIFEST).write_text(manifest)


def test_the_folder_appears_only_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with staged(out) as folder:
        (folder / "file").write_text("x")
        assert not out.exists()
    assert [path.name for path in out.iterdir()] == ["file"]
    assert list(out.parent.iterdir()) == [out]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), staged(tmp_path / "out") as folder:
        (folder / "file").write_text("x")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_an_error_keeps_the_export_that_was_to_be_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    put(out, "old")
    with pytest.raises(ZeroDivisionError), staged(out, force=True):
        raise ZeroDivisionError
    assert (out / "data" / "file").read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_force_replaces_an_export(tmp_path: Path) -> None:
    out = tmp_path / "out"
    put(out, "old", force=True)
    put(out, "new", force=True)
    assert (out / "data" / "file").read_text() == "new"
    assert list(tmp_path.iterdir()) == [out]


def an_export(out: Path) -> None:
    put(out)


def an_empty_folder(out: Path) -> None:
    out.mkdir()


def a_file(out: Path) -> None:
    out.write_text("mine")


def a_dangling_link(out: Path) -> None:
    out.symlink_to("nowhere")


def someone_elses_folder(out: Path) -> None:
    out.mkdir()
    (out / "thesis.tex").write_text("mine")


def an_export_with_a_guest(out: Path) -> None:
    put(out)
    (out / "data" / "notes.txt").write_text("mine")


def a_foreign_manifest(out: Path) -> None:
    out.mkdir()
    (out / MANIFEST).write_text('{"format": "other", "files": []}')


def a_link_to_an_export(out: Path) -> None:
    put(out.with_name("target"))
    out.symlink_to("target")


FOREIGN = [
    an_empty_folder,
    a_file,
    a_dangling_link,
    someone_elses_folder,
    an_export_with_a_guest,
    a_foreign_manifest,
    a_link_to_an_export,
]


def snapshot(folder: Path) -> list[tuple[str, bytes | None]]:
    paths = sorted(folder.rglob("*"))
    return [(str(path), path.read_bytes() if path.is_file() else None) for path in paths]


@pytest.mark.parametrize("make", [an_export, *FOREIGN])
def test_what_exists_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    out = tmp_path / "out"
    make(out)
    before = snapshot(tmp_path)
    with pytest.raises(InvalidRequest, match=r"^out: .* exists already .*--force"):
        put(out)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("make", FOREIGN)
def test_force_touches_nothing_foreign(tmp_path: Path, make: Callable[[Path], None]) -> None:
    out = tmp_path / "out"
    make(out)
    before = snapshot(tmp_path)
    with pytest.raises(InvalidRequest, match=r"^out: .* is not an export alone"):
        put(out, force=True)
    assert snapshot(tmp_path) == before


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidRequest, match=r"^out: .*/file is in the way .*may write to"):
        put(tmp_path / "file" / "out")


def test_a_folder_that_appeared_meanwhile_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(InvalidRequest, match=r"^out: .*/out exists already"), staged(out) as folder:
        (folder / "file").write_text("x")
        someone_elses_folder(out)
    assert [path.name for path in out.iterdir()] == ["thesis.tex"]
    assert list(tmp_path.iterdir()) == [out]


def test_a_read_only_parent_is_named(tmp_path: Path) -> None:
    parent = tmp_path / "locked"
    parent.mkdir(mode=0o500)
    if os.geteuid() == 0:  # root may write anywhere but where the kernel itself refuses
        parent = Path("/proc/self")
    with pytest.raises(InvalidRequest, match=r"^out: .* cannot be written: "):
        put(parent / "out")


def test_a_foreign_folder_of_the_workshops_name_is_kept(tmp_path: Path) -> None:
    guest = tmp_path / ".out.partial" / "mine"
    guest.parent.mkdir()
    guest.write_text("mine")
    with pytest.raises(Conflict, match="in the way"):
        put(tmp_path / "out")
    assert guest.read_text() == "mine"


def test_killed_between_the_renames_the_old_export_comes_back(tmp_path: Path) -> None:
    out = tmp_path / "out"
    put(out, "old")
    with staged(tmp_path / "other"):
        workshop = tmp_path / ".other.partial"
        lock = next(path for path in workshop.iterdir() if path.is_file()).name
    workshop = tmp_path / ".out.partial"
    workshop.mkdir()
    (workshop / lock).touch()
    out.rename(workshop / "replaced")
    with pytest.raises(InvalidRequest, match="exists already"):
        put(out, "new")
    assert (out / "data" / "file").read_text() == "old"
    put(out, "new", force=True)
    assert (out / "data" / "file").read_text() == "new"
    assert not workshop.exists()


def test_two_exports_to_one_folder_do_not_mix(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with staged(out) as folder:
        (folder / "file").write_text("first")
        with pytest.raises(Conflict, match="another export is writing"):
            put(out)
    assert (out / "file").read_text() == "first"


EXPORT_FOR_EVER = """
    import itertools, sys
    from pathlib import Path
    from aludel.records import VariantRecord
    from aludel.proof_export import ExportOptions, Provenance, export

    def records(count):
        for i in count:
            print(i, flush=True) if i == 30_000 else None
            yield VariantRecord(
                name=f"v{i}", statement=f"theorem v{i} : True", proof="trivial", rule="rw",
                lemma="l", direction="forward", position="goal", parents=("t", "l"),
                imports=("Init",), toolchain_digest="d", verdict_hash="v", term_hash="t",
            )

    count = itertools.count() if sys.argv[2] == "endless" else range(int(sys.argv[2]))
    export(records(count), Path(sys.argv[1]), ExportOptions(), Provenance("c", "0"))
"""


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(EXPORT_FOR_EVER))
    yield path
    path.unlink()


def test_killed_half_way_nothing_is_half_written_and_a_rerun_ends(
    tmp_path: Path, script: Path
) -> None:
    out = tmp_path / "exports" / "out"
    command = [sys.executable, str(script), str(out)]
    with subprocess.Popen([*command, "endless"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"30000"
        process.send_signal(signal.SIGKILL)
    assert not out.exists()
    assert (out.parent / ".out.partial" / "export").exists()
    subprocess.run([*command, "9"], check=True, timeout=60)
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert (out / "data" / "cpt" / "train-00000-of-00001.jsonl").read_text().count("\n") == 9


def test_interrupted_an_export_cleans_up_after_itself(tmp_path: Path, script: Path) -> None:
    out = tmp_path / "exports" / "out"
    command = [sys.executable, str(script), str(out), "endless"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
    assert list(out.parent.iterdir()) == []


def test_a_write_that_fails_half_way_leaves_nothing(tmp_path: Path, script: Path) -> None:
    """A file-size limit stands in for a full disk: ``write`` fails part way through a file."""
    out = tmp_path / "exports" / "out"
    result = subprocess.run(
        [sys.executable, str(script), str(out), "endless"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "BackendUnavailable: out: writing" in result.stderr
    assert "nothing was kept" in result.stderr
    assert list(out.parent.iterdir()) == []
