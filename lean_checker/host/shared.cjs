// What both hosts do around Lean: arguments, mounts, refused calls and streams.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');
const threads = require('node:worker_threads');
const { GuestMemory } = require('./memory.cjs');
const { serveMounts, refuseChanges } = require('./files.cjs');
const { serveStreams } = require('./streams.cjs');

const ENOSYS = 52;
const CRASHED = 70;
const MIB = 1 << 20;
const INITIAL_MEMORY = 512 * MIB;
const LINEAR_STACK = 128 * MIB; // deep recursion of the elaborator
const WORKER_STACK_MB = 64;
const WORKER_HEAP_MB = 4096;
const OUTPUT = '/out';
// Ways out of the sandbox that Emscripten brings and Lean has no use for.
const REFUSED = [
  '_emscripten_system', 'emscripten_wget_data', 'getaddrinfo', 'getnameinfo', '_dlopen_js',
  '_emscripten_dlopen_js', '__syscall_socket', '__syscall_connect', '__syscall_bind',
  '__syscall_listen', '__syscall_accept4', '__syscall_getsockname', '__syscall_getpeername',
  '__syscall_getsockopt', '__syscall_sendto', '__syscall_sendmsg', '__syscall_recvfrom',
  '__syscall_recvmsg',
];

// node HOST --toolchain DIR --program DIR [--search GUEST=DIR]... [--output DIR]
//   [--cache FILE] [--write-cache FILE] -- LEAN ARGUMENTS
function readOptions(argv) {
  const options = { search: [] };
  const rest = argv.slice(2);
  while (rest.length && rest[0] !== '--') {
    const [name, value] = rest.splice(0, 2);
    if (name === '--search') options.search.push(value.split(/=(.*)/s, 2));
    else options[name.replace(/^--/, '')] = value;
  }
  options.lean = rest.slice(1);
  return options;
}

// Emscripten's threads need larger stacks than Node gives a worker.
class LeanThread extends threads.Worker {
  constructor(file, options) {
    const limits = { stackSizeMb: WORKER_STACK_MB, maxOldGenerationSizeMb: WORKER_HEAP_MB };
    super(file, { ...options, argv: process.argv.slice(2), resourceLimits: limits });
  }
}

function requireForGlue(name) {
  return name === 'worker_threads' ? { ...threads, Worker: LeanThread } : require(name);
}

function guardImports(info, options, extra) {
  const imports = info.env;
  const memory = new GuestMemory(imports.memory);
  for (const name of REFUSED) {
    if (imports[name]) imports[name] = () => -ENOSYS;
  }
  if (options.output === undefined) refuseChanges(imports);
  serveMounts(imports, memory, [
    ['/lib/lean', path.join(options.toolchain, 'lib')],
    ['/program', options.program],
    ...options.search,
  ]);
  const error = serveStreams(imports, memory);
  process.on('exit', () => error.flush());
  extra?.(imports, memory);
}

// Ends the process at once. Node's own exit joins the threads of Lean, which on a busy machine waits
// for ever every few runs; the exit code is therefore said on stderr, last of all.
function quit(code) {
  process.emit('exit', code);
  fs.writeSync(2, `[exit ${code}]\n`);
  process.kill(process.pid, 'SIGKILL');
}

// What the glue may ask of Node. This build of Lean reports each step of its start-up through
// console.log, and when it sees that it runs under Node it mounts the host's /home and /tmp. The
// working folder is nobody's business either, and Node's permissions refuse process.binding.
function tameProcess() {
  Object.defineProperty(process, 'release', { value: Object.freeze({ name: 'aludel' }) });
  for (const name of ['log', 'info', 'debug', 'warn', 'error']) console[name] = () => {};
  process.cwd = () => '/';
  process.binding = () => ({ fs: fs.constants });
  process.on('uncaughtException', (error) => {
    fs.writeSync(2, `lean host: ${error?.message ?? error}\n`);
    quit(CRASHED);
  });
}

function runGlue(file, source, module, cachedData) {
  tameProcess();
  const wrapped = `(function(Module,require,__filename,__dirname){${source}\n})`;
  const script = new vm.Script(wrapped, { filename: file, cachedData });
  script.runInThisContext()(module, requireForGlue, '/bin/lean.js', '/bin');
  return script;
}

// Runs Lean. host: {glue, source, loadModule(), guard(imports, memory), cachedData, pool,
// main, finished(cache file to write)}.
function run(host, options) {
  if (!threads.isMainThread) {
    threads.parentPort.once('message', (message) => {
      host.received = message.wasmModule;
    });
    const module = {
      instantiateWasm(info, done) {
        guardImports(info, options, host.guard);
        done(new WebAssembly.Instance(host.received, info), host.received);
      },
    };
    return runGlue(host.glue, host.source, module, host.cachedData);
  }
  return runMain(host, options);
}

function runMain(host, options) {
  const target = options['write-cache'];
  if (target !== undefined) process.on('exit', () => host.finished(target));
  const M = {
    arguments: options.lean,
    thisProgram: '/bin/lean',
    mainScriptUrlOrBlob: host.main,
    INITIAL_MEMORY,
    threadPool: host.pool,
    stdin: () => null,
    instantiateWasm(info, done) {
      guardImports(info, options, host.guard);
      const module = host.loadModule();
      const leave = (code) => {
        instance.exports.fflush(0);
        quit(code);
      };
      // At once: the finalisers of this build crash, or wait for threads that wait for them.
      info.env.exit = Object.assign(leave, { sig: 'vi' });
      const main = (...args) => leave(instance.exports.__main_argc_argv(...args));
      info.env.main = Object.assign(main, { sig: 'iip' });
      const instance = new WebAssembly.Instance(module, info);
      done(instance, module);
    },
    preRun: [() => prepare(M, options)],
    onRuntimeInitialized() {
      const low = M._malloc(LINEAR_STACK);
      M._emscripten_stack_set_limits(low + LINEAR_STACK, low);
      M.stackRestore(low + LINEAR_STACK);
      M.FS.mount = () => {
        throw new Error('no more mounts');
      };
    },
  };
  return runGlue(host.glue, host.source, M, host.cachedData);
}

function prepare(M, options) {
  M.FS.mkdirTree('/lib/lean');
  M.FS.mkdirTree('/program');
  M.FS.mkdirTree('/bin'); // Lean looks for its own folder
  if (options.output !== undefined) {
    M.FS.mkdirTree(OUTPUT);
    M.FS.mount(M.FS.filesystems.NODEFS, { root: options.output }, OUTPUT);
  }
  M.ENV.LEAN_SYSROOT = '/';
  const searched = options.search.map(([guest]) => guest);
  M.ENV.LEAN_PATH = ['/lib/lean', ...searched, '/program'].join(':');
}

module.exports = { readOptions, run };
