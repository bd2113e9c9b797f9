"""A toolchain folder whose ``bin/lean`` behaves as a native one: it runs the embedded Lean.

Same arguments, ``LEAN_PATH`` and standard streams, one process, nothing outside its folder but
the system's libraries: what Aludel does to find, confine, compile for and ask a native Lean meets
this as it would meet the real one. It shows nothing about native code.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from aludel import lean_checker
from aludel.lean_checker.embedded import release
from aludel.lean_checker.embedded.install import install_root
from aludel.lean_checker.node import find_node
from aludel.settings import load_settings

_LAUNCHER = r"""#!@ROOT@/bin/node --openssl-config=/dev/null
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const root = '@ROOT@';
const argv = process.argv.slice(2);
const say = (text) => { fs.writeSync(1, text + '\n'); process.exit(0); };
const version = 'Lean (version @VERSION@, wasm32-unknown, commit @COMMIT@, Release)';
if (argv[0] === '--version') say(version);
if (argv[0] === '--print-prefix') say(root);

// The embedded Lean sees folders only where they are mounted: that of the program (of -R, or of the
// file) as /program, a folder to write as /out, what LEAN_PATH names at the paths it has outside.
const [output, base] = [argv.indexOf('-o'), argv.indexOf('-R')];
const file = argv.findLastIndex((each) => each.endsWith('.lean'));
const program = base >= 0 ? argv[base + 1] : path.dirname(path.resolve(argv[file] ?? '.'));
const mounts = (process.env.LEAN_PATH ?? '').split(':').filter((each) => each && each !== program);
const inside = (at, place) => {
  argv[at] = path.join(place, path.relative(program, path.resolve(argv[at])));
};
if (base >= 0) argv[base + 1] = '/program';
if (output >= 0) inside(output + 1, '/out');
if (file >= 0) inside(file, '/program');
const embedded = `${root}/embedded`;
const options = ['--toolchain', embedded, '--program', program];
options.push('--cache', `${embedded}/code.cache`);
for (const each of mounts) options.push('--search', `${each}=${each}`);
if (output >= 0) options.push('--output', program);
const limit = /Max stack size\s+(\S+)/.exec(fs.readFileSync('/proc/self/limits', 'utf8'))[1];
const stack = limit === 'unlimited' ? 400000 : Math.min(400000, Number(limit) / 1024 - 2048);
process.execve(process.execPath, [
  process.execPath, `--stack-size=${Math.floor(stack)}`, '--allow-natives-syntax', '--no-warnings',
  `${root}/host/@KIND@.cjs`, ...options, '--', ...argv,
], { OPENSSL_CONF: '/dev/null' });
"""


def make_native_lean(root: Path, kind: str = "fast") -> Path:
    """Make the toolchain folder ``root`` from the installed embedded Lean; return it."""
    installed, node = install_root(load_settings()), find_node(load_settings())
    for name in ("bin", "lib", "embedded"):
        (root / name).mkdir(parents=True)
    place(node.path.resolve(), root / "bin" / "node")
    place(installed / "lib", root / "lib" / "lean")
    for name in ("fast", "original"):
        if (installed / name).is_dir():
            place(installed / name, root / "embedded" / name)
    (root / "embedded" / "lib").symlink_to(root / "lib" / "lean")
    place(installed / f"code-{kind}-{node.version}.cache", root / "embedded" / "code.cache")
    shutil.copytree(Path(lean_checker.__file__).resolve().parent / "host", root / "host")
    text = _LAUNCHER.replace("@ROOT@", str(root)).replace("@KIND@", kind)
    text = text.replace("@VERSION@", release.VERSION).replace("@COMMIT@", release.COMMIT)
    lean = root / "bin" / "lean"
    lean.write_text(text)
    lean.chmod(0o755)
    return root


def place(source: Path, target: Path) -> None:
    """Link files where the file system allows it, copy them where not."""
    if source.is_file():
        _link(str(source), str(target))
    else:
        shutil.copytree(source, target, copy_function=_link)


def _link(source: str, target: str) -> str:
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copy2(source, target)
    return target


_ESCAPE = r"""#!@ROOT@/bin/node --openssl-config=/dev/null
'use strict';
const fs = require('node:fs');
const net = require('node:net');
const { spawnSync } = require('node:child_process');
const [secret, folder, victim, port] = process.argv.slice(2);
const found = {};
const attempt = (name, action) => {
  try {
    found[name] = action() ?? 'done';
  } catch (error) {
    found[name] = `refused: ${error.code}`;
  }
};
const started = (done) => { if (done.error) throw done.error; return 'started'; };
attempt('read', () => fs.readFileSync(secret, 'utf8'));
attempt('read /etc/passwd', () => fs.readFileSync('/etc/passwd', 'utf8'));
attempt('read its starter', () => fs.readFileSync(`/proc/${process.ppid}/environ`, 'utf8'));
attempt('list', () => fs.readdirSync('/'));
attempt('write', () => fs.writeFileSync(`${folder}/new`, 'x'));
attempt('write its toolchain', () => fs.writeFileSync('@ROOT@/bin/new', 'x'));
attempt('write /tmp', () => fs.writeFileSync('/tmp/aludel-escape', 'x'));
attempt('fill the disk', () => fs.writeFileSync('/dev/shm/aludel-escape', 'x'));
attempt('remove', () => fs.unlinkSync(secret));
attempt('spawn', () => started(spawnSync('/bin/sh', ['-c', 'id'])));
attempt('spawn its own program', () => started(spawnSync('@ROOT@/bin/node', ['--version'])));
attempt('kill', () => process.kill(Number(victim), 9));
attempt('kill its group', () => process.kill(0, 9));
const said = new Set();
const finish = (name, text) => {
  found[name] = text;
  said.add(name);
  if (said.size < 2) return;
  found.environment = Object.keys(process.env).sort();
  fs.writeSync(1, JSON.stringify(found));
  process.kill(process.pid, 'SIGKILL');
};
const client = net.connect(Number(port), '127.0.0.1');
client.on('connect', () => finish('connect', 'connected'));
client.on('error', (error) => finish('connect', `refused: ${error.code}`));
const server = net.createServer();
server.on('error', (error) => finish('listen', `refused: ${error.code}`));
server.listen(0, '127.0.0.1', () => finish('listen', 'listens'));
"""


def make_escaping_lean(root: Path) -> Path:
    """Make a toolchain folder whose ``bin/lean`` tries to get out; return it.

    Its arguments: a file not to be read, a folder not to be written, a process not to be killed, a
    port. It prints what came of each attempt as one JSON object, and ends itself.
    """
    (root / "bin").mkdir(parents=True)
    place(find_node(load_settings()).path.resolve(), root / "bin" / "node")
    lean = root / "bin" / "lean"
    lean.write_text(_ESCAPE.replace("@ROOT@", str(root)))
    lean.chmod(0o755)
    return root


_LEANCHECKER = r"""#!@ROOT@/bin/node --openssl-config=/dev/null
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const folders = process.env.LEAN_PATH.split(':');
const file = folders.map((each) => path.join(each, `${process.argv[2]}.olean`)).find(fs.existsSync);
if (!file) { console.error(`no module ${process.argv[2]}`); process.exit(3); }
const parts = ['', '.server', '.private'].map((end) => file + end).filter(fs.existsSync);
if (parts.some((part) => fs.readFileSync(part).includes('doubtful'))) {
  console.error('(kernel) declaration type mismatch'); process.exit(1);
}
"""


def add_leanchecker(root: Path) -> None:
    """Add a ``leanchecker`` that finds the compiled module, and refuses what says ``doubtful``."""
    checker = root / "bin" / "leanchecker"
    checker.write_text(_LEANCHECKER.replace("@ROOT@", str(root)))
    checker.chmod(0o755)
