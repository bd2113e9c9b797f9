"""``python -m aludel``: the ``aludel`` command."""

from aludel.cli.main import main

if __name__ == "__main__":
    main()
