// Views of the WebAssembly memory, and the structures that file calls fill in.
'use strict';

class GuestMemory {
  // memory: the shared WebAssembly.Memory. Its buffer is a new object whenever it has grown.
  constructor(memory) {
    this.memory = memory;
    this.buffer = undefined;
  }

  refresh() {
    if (this.buffer === this.memory.buffer) return;
    this.buffer = this.memory.buffer;
    this.views = {
      u8: new Uint8Array(this.buffer),
      u32: new Uint32Array(this.buffer),
      i64: new BigInt64Array(this.buffer),
    };
  }

  bytes() {
    this.refresh();
    return this.views.u8;
  }

  u32() {
    this.refresh();
    return this.views.u32;
  }

  i64() {
    this.refresh();
    return this.views.i64;
  }

  // The NUL-terminated UTF-8 text at pointer.
  text(pointer) {
    const bytes = this.bytes();
    return Buffer.from(bytes.slice(pointer, bytes.indexOf(0, pointer))).toString('utf8');
  }

  // Calls visit(start, length) for each iovec until one comes back short; returns the sum.
  eachBuffer(vector, count, visit) {
    let total = 0;
    for (let index = 0; index < count; index += 1) {
      const start = this.u32()[(vector >> 2) + 2 * index];
      const length = this.u32()[(vector >> 2) + 2 * index + 1];
      const done = length === 0 ? 0 : visit(start, length);
      total += done;
      if (done < length) break;
    }
    return total;
  }

  // musl's struct stat for wasm32; times are not shown.
  writeStat(pointer, stat) {
    const at = pointer >> 2;
    const words = this.u32();
    words.fill(0, at, at + 24);
    words[at] = stat.dev;
    words[at + 1] = stat.mode;
    words[at + 2] = stat.nlink;
    words[at + 8] = 4096;
    words[at + 9] = stat.blocks;
    this.i64()[(pointer + 24) >> 3] = BigInt(stat.size);
    this.i64()[(pointer + 88) >> 3] = BigInt(stat.ino);
    return 0;
  }

  // A __wasi_fdstat_t of a regular file without rights.
  writeFdStat(pointer) {
    this.bytes().fill(0, pointer, pointer + 24);
    this.bytes()[pointer] = 4;
    return 0;
  }
}

module.exports = { GuestMemory };
