import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { componentize } from 'componentize-qjs';
import type { Tools } from './build.ts';
import { rustFlags } from './guest-makers.ts';

const SOURCES = resolve('test/toolchains/sources');
const source = (file: string): string => join(SOURCES, file);

const ASSEMBLYSCRIPT = ['assemblyscript@0.28.20', '@assemblyscript/wasi-shim@0.1.0'];
const STARLINGMONKEY = '@bytecodealliance/componentize-js@0.22.0';
/** Has SQLite's sources, in one file. */
const SQLITE = 'better-sqlite3@12.11.1';

const RUN_WIT = 'package wasi:cli@0.2.0;\ninterface run { run: func() -> result; }\n';
const WORLD_WIT = 'package vivarium:toolchains;\nworld command { export wasi:cli/run@0.2.0; }\n';
const WASI = ['cli', 'clocks', 'filesystem', 'io', 'random', 'sockets'];

const WASM32_WASI = ['-target', 'wasm32-wasi', '-Oz', '-s'];
/** Exceptions in the standard encoding, with `exnref`. */
const EXNREF = ['-mcpu=lime1+exception_handling+multivalue+reference_types', '-mllvm', '-wasm-use-legacy-eh=false'];
const SETJMP = [...EXNREF, '-mllvm', '-wasm-enable-sjlj'];
/** zig's C++ library is built without exceptions, so that what throws and catches comes from its sources. */
const UNWINDING = ['libcxxabi/src/cxa_exception.cpp', 'libcxxabi/src/cxa_personality.cpp'];
const UNWINDING_HEADERS = ['libcxxabi/include', 'libcxx/src', 'libunwind/include', 'libunwind/src'];
const UNWINDING_OPTIONS = [
  '_LIBUNWIND_HIDE_SYMBOLS',
  '_LIBCXXABI_HAS_NO_THREADS',
  '_LIBCPP_BUILDING_LIBRARY',
  '_LIBCXXABI_BUILDING_LIBRARY',
].map((each) => `-D${each}`);
const SQLITE_OPTIONS = ['OMIT_LOAD_EXTENSION', 'THREADSAFE=0', 'OMIT_WAL', 'OMIT_DEPRECATED'].map(
  (each) => `-DSQLITE_${each}`,
);

/** How each toolchain makes its component. */
export const makers: Readonly<Record<string, (tools: Tools, to: string) => void | Promise<void>>> = {
  rust(tools, to) {
    const options = ['opt-level=s', 'lto=fat', 'panic=abort', 'strip=symbols', 'codegen-units=1'];
    const flags = options.flatMap((each) => ['-C', each]);
    const target = ['--target', 'wasm32-wasip2', '--edition', '2021'];
    tools.run('rustc', [...target, ...flags, `--remap-path-prefix=${SOURCES}=.`, source('tool.rs'), '-o', to]);
  },

  rust3(tools, to) {
    const target = tools.at('rust3');
    const flags = ['build', '--release', '--locked', '--quiet', '--target', 'wasm32-wasip2', '--target-dir', target];
    tools.run('cargo', flags, source('rust3'), { RUSTFLAGS: rustFlags() });
    cpSync(join(target, 'wasm32-wasip2/release/rust3.wasm'), to);
  },

  async c(tools, to) {
    tools.zig(['cc', ...WASM32_WASI, source('tool.c'), '-o', tools.at('c.core.wasm')]);
    await tools.adapt(tools.at('c.core.wasm'), to);
  },

  async setjmp(tools, to) {
    const core = tools.at('setjmp.core.wasm');
    tools.zig(['cc', ...WASM32_WASI, ...SETJMP, source('jump.c'), source('jump-tag.s'), '-o', core]);
    await tools.adapt(core, to);
  },

  async cpp(tools, to) {
    const library = tools.zigLibrary();
    const headers = UNWINDING_HEADERS.map((each) => `-I${join(library, each)}`);
    const files = [source('throw.cpp'), source('throw-tag.s'), ...UNWINDING.map((each) => join(library, each))];
    const inC = ['-x', 'c', join(library, 'libunwind/src/Unwind-wasm.c')];
    const flags = [...WASM32_WASI, ...EXNREF, '-fwasm-exceptions', '-w', ...UNWINDING_OPTIONS, ...headers];
    tools.zig(['c++', ...flags, ...files, ...inC, '-o', tools.at('cpp.core.wasm')]);
    await tools.adapt(tools.at('cpp.core.wasm'), to);
  },

  async sqlite(tools, to) {
    const folder = join(tools.unpacked(SQLITE), 'deps/sqlite3');
    const core = tools.at('sqlite.core.wasm');
    const files = [source('sqlite.c'), join(folder, 'sqlite3.c')];
    tools.zig(['cc', ...WASM32_WASI, ...SQLITE_OPTIONS, `-I${folder}`, ...files, '-o', core]);
    await tools.adapt(core, to);
  },

  async zig(tools, to) {
    const core = tools.at('zig.core.wasm');
    const flags = ['-target', 'wasm32-wasi', '-OReleaseSmall', '-fstrip', `-femit-bin=${core}`];
    tools.zig(['build-exe', ...flags, source('tool.zig')]);
    await tools.adapt(core, to);
  },

  async go(tools, to) {
    const core = tools.at('go.core.wasm');
    const flags = ['-trimpath', '-ldflags=-s -w', '-o', core];
    tools.run('go', ['build', ...flags, 'tool.go'], SOURCES, { GOOS: 'wasip1', GOARCH: 'wasm' });
    await tools.adapt(core, to);
  },

  async java(tools, to) {
    const folder = tools.at('java');
    cpSync(source('java'), folder, { recursive: true });
    cpSync(source('tool.java'), join(folder, 'src/main/java/Tool.java'));
    tools.run('mvn', ['--quiet', '--batch-mode', 'process-classes'], folder);
    await tools.adapt(join(folder, 'target/javascript/tool.wasm'), to);
  },

  async assemblyscript(tools, to) {
    const folder = tools.npm(...ASSEMBLYSCRIPT);
    const core = tools.at('assemblyscript.core.wasm');
    cpSync(source('tool.as'), join(folder, 'tool.ts'));
    const config = ['--config', 'node_modules/@assemblyscript/wasi-shim/asconfig.json'];
    const compiler = 'node_modules/assemblyscript/bin/asc.js';
    tools.run(process.execPath, [compiler, 'tool.ts', ...config, '-Oz', '--noAssert', '-o', core], folder);
    await tools.adapt(core, to);
  },

  async quickjs(tools, to) {
    const { component } = await componentize({
      witPath: commandWit(tools),
      world: 'command',
      jsSource: readFileSync(source('tool.js'), 'utf8'),
      sync: true,
      optSize: true,
    });
    writeFileSync(to, component);
  },

  starlingmonkey(tools, to) {
    const program = join(tools.npm(STARLINGMONKEY), 'node_modules/@bytecodealliance/componentize-js/src/cli.js');
    const features = ['http', 'fetch-event'].flatMap((feature) => ['--disable', feature]);
    const world = ['--wit', commandWit(tools), '--world-name', 'command'];
    tools.run(process.execPath, [program, source('tool.js'), ...world, ...features, '--out', to]);
  },

  python(tools, to) {
    mkdirSync(tools.at('py/wit/deps/cli'), { recursive: true });
    writeFileSync(tools.at('py/wit/deps/cli/run.wit'), RUN_WIT);
    writeFileSync(tools.at('py/wit/world.wit'), WORLD_WIT);
    cpSync(source('tool.py'), tools.at('py/tool.py'));
    tools.python();
    const args = ['-d', 'wit', '-w', 'command', 'componentize', 'tool', '-o', to];
    tools.run(tools.at('venv/bin/componentize-py'), args, tools.at('py'));
  },
};

/** The folder with the world of a command in JavaScript and with WASI's WIT, which jco's package has. */
function commandWit(tools: Tools): string {
  const folder = tools.at('command-wit');
  cpSync(source('command-wit'), folder, { recursive: true });
  for (const name of WASI) {
    cpSync(join(tools.jco(), `lib/wit/builtin/0.2.12/wasi-${name}`), join(folder, 'deps', name), { recursive: true });
  }
  return folder;
}
