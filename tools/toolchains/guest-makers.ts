import { cpSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { componentNew } from '@bytecodealliance/jco-transpile/wasm-tools';
import { componentize } from 'componentize-qjs';
import type { Tools } from './build.ts';

const SOURCES = resolve('test/toolchains/sources');
const CRATE = join(SOURCES, 'rust-async');
const ACTOR_WIT = resolve('wit/0.2');

/** Keeps the folders of this machine, and where crates came from, out of what a compiler writes into a component. */
export function rustFlags(): string {
  const cargo = process.env.CARGO_HOME ?? join(homedir(), '.cargo');
  const registries = globSync(join(cargo, 'registry/src/*'));
  // Of several that fit, the compiler takes the last one.
  const names = [[homedir(), '~'], [SOURCES, '.'], ...registries.map((each) => [each, 'crates'])];
  return names.map(([from, to]) => `--remap-path-prefix=${from}=${to}`).join(' ');
}

/** Makes one of the guests of the Rust crate. */
async function rustGuest(tools: Tools, name: string, to: string): Promise<void> {
  const target = tools.at('rust-async');
  const cargo = (...flags: readonly string[]): void =>
    tools.run('cargo', flags, CRATE, { RUSTFLAGS: rustFlags(), CARGO_TARGET_DIR: target });
  cargo('fetch', '--locked');
  witOfWasi();
  cargo('build', '--release', '--locked', '--quiet', '--target', 'wasm32-unknown-unknown', '--example', name);
  const core = readFileSync(join(target, 'wasm32-unknown-unknown/release/examples', `${name}.wasm`));
  writeFileSync(to, await componentNew(core, []));
}

/** Puts the WIT of WASI 0.3 beside the crate. */
function witOfWasi(): void {
  cpSync(wasiWit(), join(CRATE, 'wit'), { recursive: true });
}

/** The WIT of WASI 0.3, which the crate `wasip3` has. */
function wasiWit(): string {
  const cargo = process.env.CARGO_HOME ?? join(homedir(), '.cargo');
  const [found] = globSync(join(cargo, 'registry/src/*/wasip3-0.10.0+*/wit'));
  if (found === undefined) throw new Error('the crate wasip3 has no WIT');
  return found;
}

/** A folder with a world and with the WIT of WASI 0.3. */
function worldOfWasi(tools: Tools, name: string, world: string): string {
  tools.run('cargo', ['fetch', '--locked', '--quiet'], CRATE);
  const folder = tools.at(`${name}/wit`);
  cpSync(join(wasiWit(), 'deps'), join(folder, 'deps'), { recursive: true });
  writeFileSync(join(folder, 'world.wit'), `package vivarium:toolchains;\n\n${world}\n`);
  return folder;
}

const SERVICE = 'world service {\n  include wasi:http/service@0.3.2;\n}';
/** The componentizer of QuickJS refuses a world that imports an asynchronous function, and this one imports none. */
const ANSWERS_ONLY = 'world service {\n  export wasi:http/handler@0.3.2;\n}';
const ACTOR_ONLY = 'world answers {\n  export lifecycle;\n}';

/** Makes a guest in C: its own source, and what `wit-bindgen` makes of the world. */
async function guestInC(tools: Tools, names: { name: string; world: string; wit: string; to: string }): Promise<void> {
  const { name, world, wit, to } = names;
  const folder = tools.at(name);
  mkdirSync(folder, { recursive: true });
  tools.run(tools.witBindgen(), ['c', '--world', world, wit], folder);
  const core = tools.at(`${name}.core.wasm`);
  const files = [join(SOURCES, `${world}.c`), join(folder, `${world}.c`), join(folder, `${world}_component_type.o`)];
  const flags = ['-target', 'wasm32-wasi', '-mexec-model=reactor', '-Oz', '-s', `-I${folder}`];
  tools.zig(['cc', ...flags, ...files, '-o', core]);
  writeFileSync(to, await componentNew(readFileSync(core), []));
}

/** Makes a guest in Python of a module and a folder with WIT. */
function guestInPython(tools: Tools, names: { name: string; world: string; wit: string; to: string }): void {
  const { name, world, wit, to } = names;
  const folder = tools.at(name);
  mkdirSync(folder, { recursive: true });
  cpSync(join(SOURCES, `${world}.py`), join(folder, `${world}.py`));
  tools.python();
  const args = ['-d', wit, '-w', world, 'componentize', world, '-o', to];
  tools.run(tools.at('venv/bin/componentize-py'), args, folder);
}

/** Makes a guest in JavaScript, with the asynchronous runtime of QuickJS. */
async function guestInQuickJs(source: string, world: string, witPath: string, to: string): Promise<void> {
  const jsSource = readFileSync(join(SOURCES, source), 'utf8');
  const { component } = await componentize({ witPath, world, jsSource, optSize: true });
  writeFileSync(to, component);
}

/** How each guest is made that is no command: actors, services, libraries. */
export const guestMakers: Readonly<Record<string, (tools: Tools, to: string) => void | Promise<void>>> = {
  'rust-actor': (tools, to) => rustGuest(tools, 'actor', to),
  'rust-service': (tools, to) => rustGuest(tools, 'service', to),
  'rust-middleware': (tools, to) => rustGuest(tools, 'middleware', to),

  'c-actor': (tools, to) => guestInC(tools, { name: 'c-actor', world: 'actor', wit: ACTOR_WIT, to }),
  'c-service': (tools, to) =>
    guestInC(tools, { name: 'c-service', world: 'service', wit: worldOfWasi(tools, 'c-service', SERVICE), to }),

  'python-actor': (tools, to) => guestInPython(tools, { name: 'python-actor', world: 'actor', wit: ACTOR_WIT, to }),
  'python-service': (tools, to) =>
    guestInPython(tools, {
      name: 'python-service',
      world: 'service',
      wit: worldOfWasi(tools, 'python-service', SERVICE),
      to,
    }),

  'quickjs-waits': (_, to) => guestInQuickJs('waits.js', 'waits', join(SOURCES, 'waits-wit'), to),
  'quickjs-service': (tools, to) =>
    guestInQuickJs('service.js', 'service', worldOfWasi(tools, 'quickjs-service', ANSWERS_ONLY), to),
  'quickjs-actor': (tools, to) => {
    const folder = tools.at('quickjs-actor/wit');
    mkdirSync(folder, { recursive: true });
    const contract = readFileSync(join(ACTOR_WIT, 'actor.wit'), 'utf8');
    writeFileSync(join(folder, 'actor.wit'), `${contract}\n${ACTOR_ONLY}\n`);
    return guestInQuickJs('actor.js', 'answers', folder, to);
  },
};
