// Standard input, output and error of Lean, as blocking calls on the host's descriptors.
//
// process.stdin must not be touched: it makes the pipe non-blocking, and a read without a waiting
// request then fails inside Lean. Emscripten's own terminal splits lines above 64 KB.
'use strict';
const fs = require('node:fs');

const EIO = 29;
const NOISE = ['[DEBUG', 'LLVM Profile Error', '  - /lib/lean/', '  mainModule?'];
const LIMIT = 1 << 16;
const pause = new Int32Array(new SharedArrayBuffer(4));

function patiently(action) {
  for (;;) {
    try {
      return action();
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(pause, 0, 0, 2);
    }
  }
}

function writeAll(fd, data) {
  for (let done = 0; done < data.length; ) {
    done += patiently(() => fs.writeSync(fd, data, done));
  }
}

// Drops the noise, line by line; what is left is for people who look for a fault.
class StandardError {
  constructor() {
    this.held = '';
  }

  write(data) {
    this.held += data.toString('latin1');
    const lines = this.held.split('\n');
    this.held = lines.pop().slice(0, LIMIT);
    const kept = lines.filter((line) => !NOISE.some((noise) => line.startsWith(noise)));
    if (kept.length) writeAll(2, Buffer.from(`${kept.join('\n')}\n`, 'latin1'));
  }

  flush() {
    if (this.held) this.write(Buffer.from('\n'));
  }
}

function serveStreams(imports, memory) {
  const error = new StandardError();
  const sinks = [undefined, { write: (data) => writeAll(1, data) }, error];
  const read = imports.fd_read;
  const write = imports.fd_write;

  imports.fd_read = (fd, buffers, count, done) => {
    if (fd !== 0) return read(fd, buffers, count, done);
    try {
      memory.u32()[done >> 2] = memory.eachBuffer(buffers, count, (start, length) =>
        patiently(() => fs.readSync(0, memory.bytes(), start, length, null)),
      );
      return 0;
    } catch (failure) {
      if (failure.code !== 'EOF') return EIO;
      memory.u32()[done >> 2] = 0; // Windows reports the end of a pipe as an error
      return 0;
    }
  };
  imports.fd_write = (fd, buffers, count, done) => {
    if (!sinks[fd]) return write(fd, buffers, count, done);
    try {
      memory.u32()[done >> 2] = memory.eachBuffer(buffers, count, (start, length) => {
        sinks[fd].write(Buffer.from(memory.bytes().slice(start, start + length)));
        return length;
      });
      return 0;
    } catch {
      return EIO;
    }
  };
  return error;
}

module.exports = { serveStreams };
