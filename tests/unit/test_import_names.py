"""Every import name has one owner, and ``datasets`` stays Hugging Face's."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_PACKAGES = {"tests", "benchmarks", "docs", "examples", "docker", "datasets"}


def _declared() -> tuple[set[str], dict[str, str]]:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    return set(setuptools["packages"]), setuptools["package-dir"]


def _packages_below(folder: Path, name: str) -> set[str]:
    found = {name}
    for init in folder.rglob("__init__.py"):
        parts = init.parent.relative_to(folder).parts
        found.add(".".join((name, *parts)))
    return found


def _tree() -> set[str]:
    found: set[str] = set()
    for folder in ROOT.iterdir():
        if folder.name not in NOT_PACKAGES and (folder / "__init__.py").exists():
            found |= _packages_below(folder, folder.name)
    for init in (ROOT / "datasets").glob("*/__init__.py"):
        found |= _packages_below(init.parent, init.parent.name)
    return found


def test_datasets_folder_is_not_an_import_package() -> None:
    assert not (ROOT / "datasets" / "__init__.py").exists()


def test_package_list_equals_the_tree() -> None:
    assert _declared()[0] == _tree()


def test_packages_of_the_datasets_folder_are_mapped() -> None:
    mapped = {f"datasets/{init.parent.name}" for init in (ROOT / "datasets").glob("*/__init__.py")}
    assert set(_declared()[1].values()) == mapped


def test_import_datasets_is_never_ours() -> None:
    """Without Hugging Face's package the name may be an empty namespace, with no file of ours."""
    spec = importlib.util.find_spec("datasets")
    assert spec is None or spec.origin is None or ROOT not in Path(spec.origin).parents


def test_proof_export_is_imported_from_the_datasets_folder() -> None:
    spec = importlib.util.find_spec("proof_export")
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).parent == ROOT / "datasets" / "proof_export"
