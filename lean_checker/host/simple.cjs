// The simple host: Lean as it was published, with one patch; slow to start, and rests on little.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { readOptions, run } = require('./shared.cjs');

// The published look-up searches a list of 193,000 names ten thousand times (a hundred seconds).
const SEARCH = 'newSymIndex=Object.keys(lib.exports).indexOf(symbol)';
// Names that the interpreter has no reason to ask for are not found, as on the fast host.
const INDEX =
  'lib.index||=new Map(Object.keys(lib.exports).map((name,at)=>[name,at]));' +
  'newSymIndex=/^(l|initialize|lean|lake)_/.test(symbol)?lib.index.get(symbol)??-1:-1';

const options = readOptions(process.argv);
const file = (name) => path.join(options.toolchain, 'original', name);
const published = fs.readFileSync(file('lean.js'), 'latin1');
if (!published.includes(SEARCH)) throw new Error('lean.js is not the pinned release');

const script = run(
  {
    main: __filename,
    glue: file('lean.js'),
    source: published.replace(SEARCH, INDEX),
    cachedData: fs.existsSync(options.cache) ? fs.readFileSync(options.cache) : undefined,
    loadModule: () => new WebAssembly.Module(fs.readFileSync(file('lean.wasm'))),
    finished: (target) => fs.writeFileSync(target, script.createCachedData()),
  },
  options,
);
