"""Prints the folder of the task's YAML, for ``lm_eval --include_path``."""

import sys

from aludel.adapters.lm_eval import FOLDER

if __name__ == "__main__":
    sys.stdout.write(f"{FOLDER}\n")
