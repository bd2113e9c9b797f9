// The files Lean may see: read-only mounts served in the calling thread.
//
// Emscripten would send each file call of a worker to the main thread (a millisecond each, twelve
// seconds for `import Lean`). These functions replace the WebAssembly imports themselves, so that
// every thread serves the mounts alone and nothing below them can open a file for writing.
'use strict';
const fs = require('node:fs');
const path = require('node:path');

const { ENOENT, ENOTDIR, EIO, EROFS, EINVAL, ENOTTY, EBADF } = {
  ENOENT: 44, ENOTDIR: 54, EIO: 29, EROFS: 69, EINVAL: 28, ENOTTY: 59, EBADF: 8,
};
const O_ACCMODE = 3;
const O_CREAT = 0o100;
const O_TRUNC = 0o1000;
const O_DIRECTORY = 0o200000;
// A guest descriptor of a mounted file is the host's plus this: threads share host descriptors,
// so no table is needed and a handle works in every thread.
const FD_BASE = 1 << 20;
const DEVICES = new Set(['/dev/null', '/dev/stdout', '/dev/stderr', '/dev/tty', '/dev/tty1']);
const CHANGES = [
  '__syscall_chmod', '__syscall_fchmod', '__syscall_fchmodat2', '__syscall_fchownat',
  '__syscall_fchown32', '__syscall_mkdirat', '__syscall_mknodat', '__syscall_unlinkat',
  '__syscall_rmdir', '__syscall_renameat', '__syscall_symlinkat', '__syscall_truncate64',
  '__syscall_ftruncate64', '__syscall_utimensat', '__syscall_fallocate',
];

function errno(error) {
  if (error.code === 'ENOENT') return ENOENT;
  if (error.code === 'ENOTDIR') return ENOTDIR;
  return EIO;
}

// Refuses every change to the file system, the in-memory one included: requests must not meet
// through files either.
function refuseChanges(imports) {
  const open = imports.__syscall_openat;
  imports.__syscall_openat = (dirfd, name, flags, varargs, text) => {
    const writes = (flags & O_ACCMODE) !== 0 || (flags & (O_CREAT | O_TRUNC)) !== 0;
    if (writes && !DEVICES.has(text)) return -EROFS;
    return open(dirfd, name, flags, varargs);
  };
  for (const name of CHANGES) {
    if (imports[name]) imports[name] = () => -EROFS;
  }
}

// mounts: [[guest folder, host folder], ...]; memory: {text(ptr), bytes(), u32(), i64(), ...}.
function serveMounts(imports, memory, mounts) {
  const locate = (text) => {
    if (!text.startsWith('/')) return undefined;
    const name = path.posix.normalize(text);
    for (const [guest, host] of mounts) {
      if (name === guest) return host;
      if (name.startsWith(`${guest}/`)) return path.join(host, name.slice(guest.length));
    }
    return undefined;
  };
  // Node cannot seek, so offsets are kept here: a handle that moves to another thread starts over.
  const positions = new Map();
  const ours = (fd) => fd >= FD_BASE;
  const attempt = (sign, action) => {
    try {
      return action();
    } catch (error) {
      return sign * errno(error);
    }
  };
  const byPath = (name, position, action) => {
    const original = imports[name];
    imports[name] = (...args) => {
      const host = locate(memory.text(args[position]));
      return host === undefined ? original(...args) : attempt(-1, () => action(host, args));
    };
  };
  const byDescriptor = (name, sign, action) => {
    const original = imports[name];
    imports[name] = (...args) =>
      ours(args[0]) ? attempt(sign, () => action(args[0] - FD_BASE, args)) : original(...args);
  };

  const open = imports.__syscall_openat;
  imports.__syscall_openat = (dirfd, name, flags, varargs) => {
    const text = memory.text(name);
    const host = locate(text);
    if (host === undefined) return open(dirfd, name, flags, varargs, text);
    if ((flags & O_ACCMODE) !== 0 || (flags & (O_CREAT | O_TRUNC)) !== 0) return -EROFS;
    if (flags & O_DIRECTORY) return -EINVAL;
    return attempt(-1, () => {
      const fd = fs.openSync(host, 'r');
      positions.set(fd, 0);
      return FD_BASE + fd;
    });
  };
  byPath('__syscall_stat64', 0, (host, args) => memory.writeStat(args[1], fs.statSync(host)));
  byPath('__syscall_lstat64', 0, (host, args) => memory.writeStat(args[1], fs.statSync(host)));
  byPath('__syscall_newfstatat', 1, (host, args) => memory.writeStat(args[2], fs.statSync(host)));
  byPath('__syscall_faccessat', 1, (host) => {
    fs.accessSync(host);
    return 0;
  });
  byPath('__syscall_readlinkat', 1, (host) => {
    fs.accessSync(host);
    return -EINVAL; // what readlink answers for something that is not a link
  });
  byDescriptor('__syscall_fstat64', -1, (fd, args) => memory.writeStat(args[1], fs.fstatSync(fd)));
  byDescriptor('__syscall_fcntl64', -1, () => 0);
  byDescriptor('__syscall_ioctl', -1, () => -ENOTTY);
  byDescriptor('__syscall_getdents64', -1, () => -ENOTDIR);
  byDescriptor('fd_fdstat_get', 1, (fd, args) => memory.writeFdStat(args[1]));
  byDescriptor('fd_write', 1, () => EBADF);
  readCalls(byDescriptor, memory, positions);
}

function readCalls(byDescriptor, memory, positions) {
  const readInto = (fd, buffers, count, done, at) => {
    const total = memory.eachBuffer(buffers, count, (start, length) => {
      const got = fs.readSync(fd, memory.bytes(), start, length, at);
      if (at !== null) at += got;
      return got;
    });
    memory.u32()[done >> 2] = total;
    return at;
  };
  byDescriptor('fd_read', 1, (fd, [, buffers, count, done]) => {
    const at = readInto(fd, buffers, count, done, positions.get(fd) ?? 0);
    positions.set(fd, at);
    return 0;
  });
  byDescriptor('fd_pread', 1, (fd, [, buffers, count, offset, done]) => {
    readInto(fd, buffers, count, done, Number(offset));
    return 0;
  });
  byDescriptor('fd_seek', 1, (fd, [, offset, whence, result]) => {
    const from = [0, positions.get(fd) ?? 0, fs.fstatSync(fd).size][whence];
    if (from === undefined) return EINVAL;
    const at = from + Number(offset);
    if (at < 0) return EINVAL;
    positions.set(fd, at);
    memory.i64()[result >> 3] = BigInt(at);
    return 0;
  });
  byDescriptor('fd_close', 1, (fd) => {
    positions.delete(fd);
    fs.closeSync(fd);
    return 0;
  });
}

module.exports = { serveMounts, refuseChanges };
