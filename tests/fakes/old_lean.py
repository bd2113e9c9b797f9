"""A toolchain folder with a ``lean`` and a ``lean4export`` that do as the text of a module says.

Both are programs of Node, which the confinement lets run: nothing of Lean is in them. A comment in
the text says what becomes of it: ``-- export NAME`` is what the exporter prints of the module, from
the folder ``exports``; without one it is an error of Lean's. What the exporter does instead:
``-- crash``, ``-- loop``, ``-- flood``, ``-- garbage``, ``-- absent``. What ``lean`` does while it
elaborates: ``-- write PATH``, ``-- read PATH``, ``-- files``, ``-- deep`` (folders in each other),
``-- nameless`` (large files without a name), ``-- silent`` (it writes no module), ``-- endless``,
``-- print TEXT`` (a hundred times), ``-- overflow``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from native_lean import place

from aludel.lean_checker.node import find_node
from aludel.settings import load_settings

VERSION = "4.15.0"
_LEAN = r"""#!@ROOT@/bin/node --openssl-config=/dev/null
'use strict';
const fs = require('node:fs');
const argv = process.argv.slice(2);
if (argv[0] === '--version') {
  console.log('Lean (version @VERSION@, x86_64, commit 0123456789abcdef, Release)');
  process.exit(0);
}
const file = argv.at(-1), olean = argv[argv.indexOf('-o') + 1];
const text = fs.readFileSync(file, 'utf8');
const lines = text.split('\n');
const said = (severity, data, line) => console.log(JSON.stringify(
  { severity, data, pos: { line, column: 0 }, endPos: { line, column: 3 }, fileName: file }));
const found = {};
for (const [, word, what] of text.matchAll(/^-- (\w+) ?(.*)$/gm)) found[word] = what;
const tried = (word, action) => {
  if (!(word in found)) return;
  try { action(found[word]); said('information', `${word}: done`, 1); }
  catch (error) { said('information', `${word}: ${error.code}`, 1); }
};
tried('write', (path) => fs.writeFileSync(path, 'forged'));
tried('read', (path) => fs.readFileSync(path));
tried('files', () => {
  const folder = require('node:path').dirname(file);
  for (let i = 0; i < 3000; i++) fs.writeFileSync(`${folder}/${i}`, 'x');
});
const deeper = (levels) => {
  for (let i = 0; i < levels; i++) { fs.mkdirSync('a'); process.chdir('a'); }
};
tried('deep', () => { process.chdir(require('node:path').dirname(file)); deeper(990); });
tried('nameless', () => {
  const folder = require('node:path').dirname(file);
  for (const name of ['x', 'y']) {
    const open = fs.openSync(`${folder}/${name}`, 'w');
    fs.unlinkSync(`${folder}/${name}`);
    fs.ftruncateSync(open, 200e6);
  }
  for (;;);
});
tried('print', (text) => fs.writeSync(1, `${text}\n`.repeat(100)));
if ('overflow' in found) {
  console.error('Stack overflow detected. Aborting.');
  process.kill(process.pid, 'SIGABRT');
  for (;;);
}
if ('endless' in found) for (;;);
if ('foreign' in found) {
  console.error(`unknown module prefix 'Foreign'\n\nNo directory 'Foreign' in the search path`);
  process.exit(1);
}
if (argv.some((each) => each.startsWith('-Dnobody='))) {
  console.error(`invalid -D parameter, unknown configuration option 'nobody'`);
  process.exit(1);
}
const at = lines.findIndex((line) => line.startsWith('-- error '));
if (at >= 0) { said('error', lines[at].slice('-- error '.length), at + 1); process.exit(1); }
if (!('silent' in found)) fs.writeFileSync(olean, JSON.stringify(found));
"""
_EXPORTER = r"""#!@ROOT@/bin/node --openssl-config=/dev/null
'use strict';
const fs = require('node:fs');
const [compiled, , name] = process.argv.slice(2);
const folder = process.env.LEAN_PATH.split(':').at(-1);
const found = JSON.parse(fs.readFileSync(`${folder}/${compiled}.olean`, 'utf8'));
try { fs.writeFileSync(`${folder}/from-the-exporter`, 'x'); process.exit(9); } catch {}
const meta = JSON.stringify({ meta: { exporter: { name: 'lean4export', version: '3.1.0' },
  lean: { version: '@VERSION@' }, format: { version: '3.1.0' } } }) + '\n';
if ('crash' in found) process.kill(process.pid, 'SIGSEGV');
if ('loop' in found) for (;;);
if ('flood' in found) {
  fs.writeSync(1, meta);
  const part = Buffer.alloc(1 << 20, '{"in":1,"str":{"pre":0,"str":"x"}}\n');
  for (let i = 0; i < 10240; i++) fs.writeSync(1, part);
}
if ('garbage' in found) { fs.writeSync(1, meta + 'garbage\n'); process.exit(0); }
if ('absent' in found) {
  console.error(`PANIC at dumpConstant Export:180:6: Constant ${name} not found in environment.`);
  fs.writeSync(1, meta);
  process.exit(found.absent === 'fails' ? 1 : 0);
}
fs.writeSync(1, fs.readFileSync(`@ROOT@/exports/${found.export}.ndjson`));
"""


def make_old_lean(root: Path, version: str = VERSION) -> Path:
    """Make the toolchain folder ``root``; return it."""
    for name in ("bin", "lib", "exports"):
        (root / name).mkdir(parents=True)
    place(find_node(load_settings()).path.resolve(), root / "bin" / "node")
    for name, text in (("lean", _LEAN), ("lean4export", _EXPORTER)):
        program = root / "bin" / name
        program.write_text(text.replace("@ROOT@", str(root)).replace("@VERSION@", version))
        program.chmod(0o755)
    return root


def put_export(root: Path, name: str, lines: Iterable[str], version: str = VERSION) -> None:
    """Have the exporter of ``root`` know an export by a name, as one of that Lean."""
    entries = [json.loads(line) for line in lines]
    for entry in entries:
        if "meta" in entry:
            entry["meta"] = {
                "exporter": {"name": "lean4export", "version": "3.1.0"},
                "lean": {"version": version},
                "format": {"version": "3.1.0"},
            }
    text = "".join(f"{json.dumps(entry)}\n" for entry in entries)
    (root / "exports" / f"{name}.ndjson").write_text(text, encoding="utf-8")
