"""lm-eval: the task ``lean_problems``, made of a file of problems, with a service as its judge.

``lm_eval --include_path $(python -m aludel.adapters.lm_eval)`` finds it; :data:`FOLDER` is the same
path.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
"""The folder of the task's YAML, for ``TaskManager(include_path=...)``."""
