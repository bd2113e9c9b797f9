"""Installing a native Lean: elan's steps, with stand-ins for elan, for Lean and for GitHub."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from aludel.errors import AludelError, BackendUnavailable, Conflict, InvalidRequest, NotFound
from aludel.errors import ToolchainMissing as Missing
from aludel.lean_checker.native import install as module
from aludel.lean_checker.native.install import install_native
from aludel.lean_checker.native.locate import find_native, native_toolchains

ELAN = """#!/bin/sh
test "$1 $2" = "toolchain install" || exit 2
case "$3" in *v4.35.9*) echo "error: could not download $3" >&2; exit 1;; esac
folder="$ELAN_HOME/toolchains/$(echo "$3" | sed 's|/|--|; s|:|---|')"
mkdir -p "$folder/bin"
said="Lean (version ${3##*:v}, x86_64, commit 0123456789abcdef, Release)"
printf '#!/bin/sh\\necho "%s"\\n' "$said" > "$folder/bin/lean"
chmod +x "$folder/bin/lean"
"""
INIT = f"""#!/bin/sh
test "$*" = "-y --no-modify-path --default-toolchain none" || exit 2
mkdir -p "$ELAN_HOME/bin"
cat > "$ELAN_HOME/bin/elan" <<'END'
{ELAN}END
chmod +x "$ELAN_HOME/bin/elan"
"""


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("elan-init")
        member.size, member.mode = len(INIT.encode()), 0o755
        tar.addfile(member, io.BytesIO(INIT.encode()))
    return buffer.getvalue()


ARCHIVE = archive()
DIGEST = f"sha256:{hashlib.sha256(ARCHIVE).hexdigest()}"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ELAN_HOME", str(tmp_path / "elan"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(module.platform, "system", lambda: "Linux")
    monkeypatch.setattr(module.platform, "machine", lambda: "x86_64")
    return tmp_path / "elan"


def github(
    digest: str | None = DIGEST, name: str = "elan-x86_64-unknown-linux-gnu.tar.gz"
) -> object:
    url = "https://github.com/leanprover/elan/releases/download/v1/elan.tar.gz"

    def answer(request: httpx.Request) -> httpx.Response:
        if str(request.url) == url:
            return httpx.Response(200, content=ARCHIVE)
        asset = {"name": name, "browser_download_url": url, "digest": digest}
        return httpx.Response(200, json={"assets": [asset]})

    return client(answer)


def client(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(answer))


def offline(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no route to host")


def test_elan_is_installed_and_installs_lean(home: Path) -> None:
    found = install_native("4.28.0", client=github())  # type: ignore[arg-type]
    assert (found.name, found.version, found.commit) == (
        "lean-4.28.0",
        "4.28.0",
        "0123456789abcdef",
    )
    assert found.root == home / "toolchains" / "leanprover--lean4---v4.28.0"
    # Elan is there, and so is that Lean: nothing is fetched any more.
    assert install_native("4.28.0", client=client(offline)) == found
    install_native("4.29.0-rc1", client=client(offline))
    assert [lean.version for lean in native_toolchains()] == ["4.28.0", "4.29.0-rc1"]


def test_offline_says_what_to_do(home: Path) -> None:
    with pytest.raises(BackendUnavailable, match="could not be fetched") as caught:
        install_native("4.28.0", client=client(offline))
    assert "lean-embedded" in (caught.value.fix or "")
    assert not home.exists()
    install_native("4.28.0", client=github())  # type: ignore[arg-type]
    with pytest.raises(BackendUnavailable, match=r"failed: error: could not download"):
        install_native("4.35.9")


def test_an_archive_with_another_checksum_is_not_run(home: Path) -> None:
    with pytest.raises(Conflict, match="has the checksum"):
        install_native("4.28.0", client=github(f"sha256:{'0' * 64}"))  # type: ignore[arg-type]
    with pytest.raises(BackendUnavailable, match="no checksum"):
        install_native("4.28.0", client=github(None))  # type: ignore[arg-type]
    with pytest.raises(BackendUnavailable, match="could not be fetched"):
        install_native("4.28.0", client=github(name="other"))  # type: ignore[arg-type]
    assert not home.exists()
    given = hashlib.sha256(ARCHIVE).hexdigest()
    assert install_native("4.28.0", sha256=given, client=github(None))  # type: ignore[arg-type]


@pytest.mark.parametrize("version", ["4.28", "v4.28.0", "latest", "4.28.0; id", "4.9.0", "3.99.9"])
def test_what_is_no_usable_version_is_refused(home: Path, version: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        install_native(version, client=client(offline))
    assert caught.value.field == "--version"


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ('echo "Lean (version 4.9.0, commit 0123456789ab, Release)"', Missing, "too old"),
        ("echo nonsense", Missing, "does not answer like Lean"),
        ("exit 3", Missing, "does not run"),
    ],
)
def test_a_folder_whose_lean_is_not_usable_is_refused(
    tmp_path: Path, said: str, error: type[AludelError], words: str
) -> None:
    lean = tmp_path / "bin" / "lean"
    lean.parent.mkdir()
    lean.write_text(f"#!/bin/sh\n{said}\n")
    lean.chmod(0o755)
    with pytest.raises(error, match=words):
        find_native(str(tmp_path))


def test_what_is_not_there_says_how_to_get_it(home: Path, tmp_path: Path) -> None:
    with pytest.raises(Missing, match=r"Lean 4\.28\.0 is not installed") as caught:
        find_native("lean-4.28.0")
    assert caught.value.fix == "run `aludel toolchain install lean --version 4.28.0`"
    with pytest.raises(Missing, match="no `lean` on PATH"):
        find_native("lean-native")
    with pytest.raises(Missing, match="no bin/lean in it"):
        find_native(str(tmp_path))
    with pytest.raises(NotFound, match="unknown toolchain 'mathlib'"):
        find_native("mathlib")
