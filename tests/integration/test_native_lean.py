"""A native Lean, from finding it to its verdicts, with a launcher in its place."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from native_lean import add_leanchecker, make_escaping_lean, make_native_lean

from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.confinement.plan import missing_protection
from aludel.lean_checker.embedded import release
from aludel.lean_checker.embedded.install import install_root
from aludel.lean_checker.native.host import NativeHost
from aludel.lean_checker.native.locate import NativeLean, find_native
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.program import ProgramSource, ensure_program
from aludel.lean_checker.server_program import SOURCES, sources_digest
from aludel.lean_checker.toolchains import (
    LeanToolchain,
    find_toolchain,
    list_toolchains,
    native_host,
)
from aludel.models import Accepted, Budget, CheckRequest, LeanContext, Rejected, Undecided
from aludel.progress import Silent
from aludel.settings import Settings, load_settings

pytestmark = [
    pytest.mark.lean,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("lean_toolchain"),
    pytest.mark.skipif(
        missing_protection() is not None,
        reason=f"{missing_protection()}: run the tests on Linux 5.13 or newer with Landlock",
    ),
]
ALUDEL = (str(Path(sys.executable).with_name("aludel")),)
ESCAPED = Path("/tmp/aludel-escape")  # noqa: S108 - what the candidates would write
NAME = f"lean-{release.VERSION}"
ENDLESS = "theorem t : True := by\n  repeat (first | (have := trivial; clear this))\n"


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A native toolchain's folder, with a stand-in for leanchecker."""
    root = make_native_lean(tmp_path_factory.mktemp("native") / "toolchain")
    add_leanchecker(root)
    return root


@pytest.fixture(scope="module")
def settings(native: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings that choose it; the server program is taken over from the embedded Lean.

    Both compile it to the same bytes, and compiling it again would take a minute.
    """
    chosen = Settings(
        cache_dir=tmp_path_factory.mktemp("cache"), toolchain=str(native), pool_size=1
    )
    programs = native_host(find_native(str(native)), chosen).programs
    digest = sources_digest()[:32]
    shutil.copytree(install_root(load_settings()) / "programs" / digest, programs / digest)
    return chosen


@pytest.fixture(scope="module")
def toolchain(settings: Settings) -> LeanToolchain:
    return find_toolchain(settings)


@pytest.fixture(scope="module")
def checker(toolchain: LeanToolchain, settings: Settings) -> Iterator[LeanChecker]:
    made = LeanChecker(LeanPool(toolchain, settings), settings, toolchain.modules)
    yield made
    made.close()


def request(code: str, statement: str | None = None, **more: object) -> CheckRequest:
    fields = {"context": LeanContext(), "code": code, "statement": statement, **more}
    return CheckRequest.model_validate(fields)


def environment(settings: Settings, **more: str) -> dict[str, str]:
    chosen = {"ALUDEL_CACHE_DIR": settings.cache_dir, "ALUDEL_TOOLCHAIN": settings.toolchain}
    return {**os.environ, **{name: str(value) for name, value in chosen.items()}, **more}


def test_it_says_what_it_is(toolchain: LeanToolchain, lean_toolchain: LeanToolchain) -> None:
    found = toolchain.toolchain
    assert (found.name, found.version, found.kind) == (NAME, release.VERSION, "native")
    assert found.commit == release.COMMIT
    assert found.digest != lean_toolchain.toolchain.digest


def test_several_stand_side_by_side(
    native: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    shutil.copytree(native / "bin", other / "bin", symlinks=True)
    lean = other / "bin" / "lean"
    lean.write_text(lean.read_text().replace(release.VERSION, "4.29.1").replace("host/", "none/"))
    for name, root in ((f"v{release.VERSION}", native), ("v4.29.1", other)):
        link = tmp_path / "elan" / "toolchains" / f"leanprover--lean4---{name}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(root)
    monkeypatch.setenv("ELAN_HOME", str(tmp_path / "elan"))
    assert find_native(NAME).root == native
    assert find_native("lean-4.29.1").root == other.resolve()
    listed = list_toolchains(settings)
    assert [found.toolchain.name for found in listed] == [NAME, "lean-4.29.1"]
    assert listed[0].toolchain.digest != listed[1].toolchain.digest
    monkeypatch.setenv("PATH", f"{native / 'bin'}:{os.environ['PATH']}")
    assert find_native("lean-native").root == native


def test_it_compiles_a_program(native: Path, tmp_path: Path) -> None:
    host = NativeHost(find_native(str(native)), tmp_path)
    folder = ensure_program(host, Silent(), ProgramSource(SOURCES, ("SelfTest",)))
    assert (folder / "SelfTest.ir").is_file()
    assert (folder / "modules.txt").read_text() == "SelfTest.ir\n"


def test_its_verdicts(checker: LeanChecker) -> None:
    swap = "theorem swap (a b : Nat) : a + b = b + a"
    accepted = checker.check(request(f"{swap} := Nat.add_comm a b", swap))
    assert isinstance(accepted, Accepted)
    wrong = checker.check(request("theorem t : 1 = 2 := by decide"))
    assert isinstance(wrong, Rejected)
    cheat = checker.check(request("axiom cheat : False\ntheorem t : 1 = 2 := cheat.elim"))
    assert isinstance(cheat, Rejected)


@pytest.mark.long
def test_leanchecker_has_the_last_word(checker: LeanChecker, settings: Settings) -> None:
    plain = "theorem {} (a b : Nat) : a + b = b + a := Nat.add_comm a b\n"
    verdict = checker.check(request(plain.format("swap"), tier="replay"))
    assert isinstance(verdict, Accepted)
    assert verdict.evidence.checks[-2:] == ("replay_in_fresh_process", "leanchecker")
    verdict = checker.check(request(plain.format("doubtful"), tier="replay"))
    assert isinstance(verdict, Rejected)
    assert (verdict.reason, "type mismatch" in (verdict.message or "")) == ("kernel", True)
    assert isinstance(checker.check(request(plain.format("doubtful"))), Accepted)
    assert list(settings.cache_dir.rglob("Candidate.*")) == []


def test_a_candidate_survives_its_budget_in_neither_kind(
    checker: LeanChecker, lean_checker: LeanChecker
) -> None:
    for each in (checker, lean_checker):
        verdict = each.check(request(ENDLESS, budget=Budget(wall_s=2, heartbeats=10**9)))
        assert isinstance(verdict, Undecided), verdict
        assert (verdict.usage.wall_s or 0) < 10


@pytest.mark.long
def test_a_candidate_eats_no_more_memory_than_it_may_in_either_kind(
    checker: LeanChecker, lean_checker: LeanChecker
) -> None:
    length = "theorem t : (List.range (10 ^ 7)).length = 10 ^ 7"
    budget = Budget(wall_s=120, memory_mb=1_500)
    for each in (checker, lean_checker):
        verdict = each.check(request(f"{length} := by decide +kernel", length, budget=budget))
        assert isinstance(verdict, Undecided), verdict
        assert verdict.reason == "memory"
        assert (verdict.usage.peak_memory_mb or 0) < 1_500 + 300
        assert isinstance(each.check(request("theorem t : 1 = 1 := rfl")), Accepted)


def test_a_candidate_runs_no_programs_in_either_kind(
    checker: LeanChecker, lean_checker: LeanChecker
) -> None:
    for action in (
        'IO.FS.readFile "/etc/passwd"',
        'IO.FS.writeFile "/tmp/aludel-escape" "x"',
        'IO.Process.output { cmd := "id" }',
    ):
        code = f"import Lean\n#eval {action}\ntheorem t : True := trivial\n"
        for each in (checker, lean_checker):
            verdict = each.check(request(code))
            assert isinstance(verdict, Rejected)
            assert verdict.reason == "forbidden_construct"
    assert not ESCAPED.exists()


def test_whatever_runs_in_it_gets_nowhere(tmp_path: Path) -> None:
    """The same confinement, around a program that does try."""
    root = make_escaping_lean(tmp_path / "toolchain")
    host = NativeHost(NativeLean(root, "4.28.0", None), tmp_path / "cache")
    mine, secret = tmp_path / "mine", tmp_path / "secret"
    mine.mkdir()
    secret.write_text("secret")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        subprocess.Popen(["sleep", "60"]) as victim,
    ):
        port = str(server.getsockname()[1])
        command = host.command(mine, (str(secret), str(mine), str(victim.pid), port))
        done = subprocess.run(
            command.argv,
            env=command.env,
            cwd=command.cwd,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            start_new_session=True,
        )
        assert victim.poll() is None
        victim.kill()
    found = json.loads(done.stdout)
    told = {"LEAN_PATH", "LEAN_SYSROOT", "LEAN_NUM_THREADS"}
    assert set(found.pop("environment")) - {"LC_CTYPE"} == told
    assert len(found) == 15
    assert [f"{n}: {came}" for n, came in found.items() if "refused: " not in str(came)] == []
    assert [path.name for path in mine.iterdir()] == []
    assert sorted(path.name for path in (root / "bin").iterdir()) == ["lean", "node"]


@pytest.mark.parametrize(
    "name", ["SIGKILL", *(pytest.param(n, marks=pytest.mark.long) for n in ("SIGINT", "SIGTERM"))]
)
def test_no_process_outlives_its_owner(settings: Settings, toolchain: object, name: str) -> None:
    owner = subprocess.Popen(
        [*ALUDEL, "check", "-", "--timeout", "120"],
        env=environment(settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert owner.stdin is not None
    owner.stdin.write(ENDLESS)
    owner.stdin.close()
    provers = _provers(owner.pid)
    owner.send_signal(getattr(signal, name))
    owner.wait(15)
    _, alive = psutil.wait_procs(provers, timeout=10)
    assert alive == []


def _provers(owner: int) -> list[psutil.Process]:
    """Wait for the Lean of this process; return it with all that run beside it."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        family = psutil.Process(owner).children(recursive=True)
        for process in family:
            with contextlib.suppress(psutil.Error):
                if "--run" in process.cmdline() and process.cpu_times().user > 1:
                    return family
        time.sleep(0.1)
    raise AssertionError("no Lean was started")


def test_a_project_with_the_lean_on_path(
    native: Path, settings: Settings, toolchain: object, orchard: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mine.lean"
    file.write_text("import Orchard\ntheorem mine : seeds 0 = 0 := seeds_zero\n")
    path = f"{native / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        [*ALUDEL, "check", str(file), "--json", "--project", str(orchard)],
        env=environment(settings, ALUDEL_TOOLCHAIN="lean-native", PATH=path),
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert (done.returncode, json.loads(done.stdout)["kind"]) == (0, "accepted"), done.stderr
