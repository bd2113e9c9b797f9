"""The wheel, for the tests of it, of the paths and of the notebook."""

from __future__ import annotations

from pathlib import Path

import pytest
from built import build, copy_of_tree, unpack


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from an sdist that was built from a copy of this checkout."""
    folder = tmp_path_factory.mktemp("build")
    sdist = build(copy_of_tree(folder / "tree"), "sdist", folder)
    return build(unpack(sdist, folder / "sdist"), "wheel", folder)
