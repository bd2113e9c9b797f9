"""What the documentation says of the settings and of installing is what is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from compose import read_compose

from aludel.settings import OTHER_VARIABLES, Settings
from aludel.settings_page import meanings, page

ROOT = Path(__file__).resolve().parents[2]
# Another project's name on PyPI, where ours is meant.
OLD_NAME = re.compile(
    r"""\baludel\[                                              # extras of the other project
      | \b(?:pip|pipx|uv|uvx)\b [^\n`]*? \b(?:install|run|add|download|from)\b
        [^\n`]*? [\s'"=] aludel (?![\w.\[/:-]) (?!['"]?\s+[a-z])  # not the command at the end
      | \buvx\s+aludel (?![\w-])
    """,
    re.VERBOSE,
)


def _texts() -> dict[str, str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    texts = {}
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.is_file() and path != Path(__file__):
            texts[name] = path.read_text("utf-8", errors="ignore")
    return texts


def test_every_setting_is_described_and_the_page_is_up_to_date() -> None:
    """Mend with: make docs-settings"""
    assert set(meanings()) == set(Settings.model_fields)
    assert (ROOT / "docs" / "reference" / "settings.md").read_text("utf-8") == page()


def test_the_pattern_finds_the_old_name_and_spares_the_new_one() -> None:
    for line in (
        "pip install aludel", "pip install 'aludel[models]'", "uv add aludel", "uvx aludel check",
        "pipx install aludel", "uv tool install 'aludel'", "pipx run aludel",
    ):  # fmt: skip
        assert OLD_NAME.search(line), line
    for line in (
        "pip install aludel-proofs", "pip install 'aludel-proofs[models]'", "uv add aludel-proofs",
        "uvx --from 'aludel-proofs[lean]' aludel check", "aludel toolchain install",
        "pip install -e . && aludel doctor", "pip install --no-deps /src/aludel/x",
    ):  # fmt: skip
        assert not OLD_NAME.search(line), line


def test_nothing_tells_to_install_the_other_project() -> None:
    found = [
        f"{name}: {match[0]}"
        for name, text in _texts().items()
        for match in OLD_NAME.finditer(text)
    ]
    assert found == []


def test_variables_of_documents_and_containers_are_settings() -> None:
    known = {f"ALUDEL_{name.upper()}" for name in Settings.model_fields} | set(OTHER_VARIABLES)
    used = {
        (name, variable)
        for name, text in _texts().items()
        if name.endswith((".md", ".yml", "Dockerfile")) or name.startswith("examples/")
        for variable in re.findall(r"\bALUDEL_[A-Z_]+[A-Z]\b", text)
    }
    for service in read_compose({"POSTGRES_PASSWORD": "p"})["services"].values():
        used |= {("docker-compose.yml", v) for v in service.get("environment", {}) if "ALUDEL" in v}
    assert {(name, variable) for name, variable in used if variable not in known} == set()


def test_the_places_that_contributing_names_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = re.findall(r"`([\w./-]+/(?:[\w.-]+\.(?:py|lean|md|toml))?)`", text)
    assert len(named) > 20
    for path in named:
        assert (ROOT / path).exists() or (ROOT / "lean_checker" / path).exists(), path
