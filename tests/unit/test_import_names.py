"""One import name: what is installed lies under ``aludel``; ``datasets`` stays Hugging Face's."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import aludel

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "aludel"
NOT_PACKAGES = {"src", "tests", "benchmarks", "docs", "examples", "docker", "datasets"}


def _linked() -> set[Path]:
    return {link.resolve() for link in PACKAGE.iterdir() if link.is_symlink()}


def test_datasets_folder_is_not_an_import_package() -> None:
    assert not (ROOT / "datasets" / "__init__.py").exists()


def test_every_package_of_the_tree_is_linked_below_the_one_name() -> None:
    top = {
        folder
        for folder in ROOT.iterdir()
        if folder.name not in NOT_PACKAGES and (folder / "__init__.py").exists()
    }
    inner = {init.parent for init in (ROOT / "datasets").glob("*/__init__.py")}
    assert _linked() == top | inner


def test_links_are_relative_and_bear_the_name_of_their_folder() -> None:
    for link in PACKAGE.iterdir():
        if link.is_symlink():
            assert not link.readlink().is_absolute()
            assert link.name == link.resolve().name


def test_import_datasets_is_never_ours() -> None:
    """Without Hugging Face's package the name may be an empty namespace, with no file of ours."""
    spec = importlib.util.find_spec("datasets")
    assert spec is None or spec.origin is None or ROOT not in Path(spec.origin).parents


def test_the_sources_tested_are_those_of_this_checkout() -> None:
    assert Path(aludel.__file__).parent == PACKAGE
