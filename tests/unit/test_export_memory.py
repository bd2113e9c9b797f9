"""The memory of an export does not grow with the number of rows."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SCRIPT = """
    import sys
    from pathlib import Path
    import psutil
    from aludel.records import VariantRecord
    from aludel.proof_export import ExportOptions, Provenance, export

    peak = 0

    def records(count):
        global peak
        for i in range(count):
            if i % 500 == 0:
                peak = max(peak, psutil.Process().memory_info().rss)
            yield VariantRecord(
                name=f"v{i}", statement=f"theorem v{i} : True", proof="x" * 200, rule="rw",
                lemma="l", direction="forward", position="goal", parents=("t", "l"),
                imports=("Init",), toolchain_digest="d" * 64, verdict_hash=f"{i:064x}",
                term_hash=f"{i:064x}",
            )

    out = Path(sys.argv[1])
    export(records(20_000), out / "small", ExportOptions(), Provenance("c", "0"))
    before = peak
    report = export(records(200_000), out / "large", ExportOptions(), Provenance("c", "0"))
    print(report.rows["variants"], before / 2**20, peak / 2**20)
"""


@pytest.mark.long
def test_ten_times_the_rows_take_no_more_memory(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=240)
    rows, before, after = result.stdout.split()
    assert rows == "200000"
    assert float(after) < 300
    assert float(after) < 1.25 * float(before)
