"""A toolchain folder whose ``lean`` and ``lean4export`` run the embedded Lean.

The exporter is a program of ours in Lean (``exporter/Exporter.lean``), for the real one does not
compile there.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from native_lean import make_native_lean

from aludel.lean_checker.native.host import NativeHost
from aludel.lean_checker.native.locate import find_native
from aludel.lean_checker.program import ensure_program
from aludel.lean_checker.server_program import COMPAT, SOURCES, ProgramSource
from aludel.progress import Silent

_EMBEDDED_EXPORTER = r"""#!@ROOT@/bin/node --openssl-config=/dev/null
'use strict';
const embedded = '@ROOT@/embedded', program = '@ROOT@/exporter';
const mounts = process.env.LEAN_PATH.split(':').filter(Boolean);
process.execve(process.execPath, [
  process.execPath, '--stack-size=400000', '--allow-natives-syntax', '--no-warnings',
  '@ROOT@/host/fast.cjs', '--toolchain', embedded, '--program', program,
  '--cache', `${embedded}/code.cache`, ...mounts.flatMap((each) => ['--search', `${each}=${each}`]),
  '--', '--run', '/program/Boot.lean', ...process.argv.slice(2),
], { OPENSSL_CONF: '/dev/null' });
"""
# A file without `module` is one all the same for the embedded Lean, and all of it private. Here it
# becomes one of which all is public, its lines where they were.
_BEFORE = "const embedded = `${root}/embedded`;"
_PUBLIC = r"""if (output >= 0 && file >= 0) {
  const source = path.join(program, path.relative('/program', argv[file]));
  const lines = fs.readFileSync(source, 'utf8').split('\n');
  const imports = lines.findIndex((line) => !line.startsWith('import '));
  for (let i = 0; i < imports; i++) lines[i] = `public ${lines[i]}`;
  if (imports > 0) {
    lines[0] = `module ${lines[0]}`;
    lines[imports - 1] += ' @[expose] public section';
    fs.writeFileSync(source, lines.join('\n'));
  }
}
"""
_ENDS = "process.kill(process.pid, 'SIGKILL');"
_ENDS_WITH_CODE = (
    "process.execve(process.execPath, [process.execPath, '-e', `process.exit(${code})`],"
    " { OPENSSL_CONF: '/dev/null' });"
)


def make_exporting_lean(root: Path, cache: Path) -> Path:
    """Make a toolchain folder whose programs run the embedded Lean, an exporter among them.

    Its ``lean`` ends with Lean's exit code, as a native one does. ``cache`` keeps what is compiled.
    """
    make_native_lean(root)
    shared = root / "host" / "shared.cjs"
    text = shared.read_text()
    assert text.count(_ENDS) == 1
    shared.write_text(text.replace(_ENDS, _ENDS_WITH_CODE))
    lean = root / "bin" / "lean"
    launcher = lean.read_text()
    assert launcher.count(_BEFORE) == 1
    lean.write_text(launcher.replace(_BEFORE, _PUBLIC + _BEFORE))
    sources = cache / "sources"
    shutil.copytree(SOURCES, sources)
    shutil.copy(Path(__file__).parent / "exporter" / "Exporter.lean", sources)
    program = ProgramSource(sources, (COMPAT, "Aludel.Basic", "Aludel.Terms.Write", "Exporter"))
    host = NativeHost(find_native(str(root)), cache)
    shutil.copytree(ensure_program(host, Silent(), program), root / "exporter")
    exporter = root / "bin" / "lean4export"
    exporter.write_text(_EMBEDDED_EXPORTER.replace("@ROOT@", str(root)))
    exporter.chmod(0o755)
    return root
