"""The ``aludel`` command."""
