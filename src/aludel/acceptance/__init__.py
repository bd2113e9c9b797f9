"""Acceptance of a toolchain on the machine that it will work on, for it was not tried on ours.

``aludel toolchain verify`` and the tests marked ``native`` go through the same rows.
"""
