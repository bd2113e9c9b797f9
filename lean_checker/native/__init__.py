"""A native Lean: elan's, the one on PATH, or any folder that holds a toolchain."""
