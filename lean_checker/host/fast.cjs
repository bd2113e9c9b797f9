// The fast host: rewritten glue and WebAssembly, code cache, symbol table looked up by bisection.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { readOptions, run } = require('./shared.cjs');

const POOL = 2;

// symbols.bin: count, count+1 name offsets, count addresses (u32 little endian), names in order.
class SymbolTable {
  constructor(data) {
    this.data = data;
    this.count = data.readUInt32LE(0);
    this.addresses = 4 + 4 * (this.count + 1);
    this.names = this.addresses + 4 * this.count;
  }

  find(text) {
    const wanted = Buffer.from(text, 'latin1');
    let low = 0;
    let high = this.count - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const start = this.names + this.data.readUInt32LE(4 + 4 * middle);
      const end = this.names + this.data.readUInt32LE(8 + 4 * middle);
      const order = wanted.compare(this.data, start, end);
      if (order === 0) return this.data.readUInt32LE(this.addresses + 4 * middle);
      if (order < 0) high = middle - 1;
      else low = middle + 1;
    }
    return 0;
  }
}

const options = readOptions(process.argv);
const file = (name) => path.join(options.toolchain, 'fast', name);
let module_;
let symbols;

function loadModule() {
  const binary = fs.readFileSync(file('lean.wasm'));
  if (fs.existsSync(options.cache)) {
    const cache = fs.readFileSync(options.cache);
    const restore = new Function('cache', 'binary', 'return %DeserializeWasmModule(cache, binary)');
    const bytes = cache.buffer.slice(cache.byteOffset, cache.byteOffset + cache.length);
    module_ = restore(bytes, new Uint8Array(binary));
  }
  module_ ??= new WebAssembly.Module(binary); // V8 refuses a cache of another version
  return module_;
}

function writeCache(target) {
  const serialize = new Function('module', 'return %SerializeWasmModule(module)');
  fs.writeFileSync(target, Buffer.from(serialize(module_)));
}

run(
  {
    main: __filename,
    glue: file('lean.js'),
    source: fs.readFileSync(file('lean.js'), 'latin1'),
    pool: POOL,
    loadModule,
    guard(imports, memory) {
      imports._dlsym_js = (handle, name) => {
        symbols ??= new SymbolTable(fs.readFileSync(file('symbols.bin')));
        return symbols.find(memory.text(name));
      };
    },
    finished: writeCache,
  },
  options,
);
