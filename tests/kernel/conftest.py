"""The kernel's tests import the world that they build by name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
