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

/** Puts the WIT of WASI 0.3 beside the crate. The crate `wasip3`, which it depends on, has it. */
function witOfWasi(): void {
  const cargo = process.env.CARGO_HOME ?? join(homedir(), '.cargo');
  const [found] = globSync(join(cargo, 'registry/src/*/wasip3-0.10.0+*/wit'));
  if (found === undefined) throw new Error('the crate wasip3 has no WIT');
  cpSync(found, join(CRATE, 'wit'), { recursive: true });
}

/** How each guest is made that is no command: actors, services, libraries. */
export const guestMakers: Readonly<Record<string, (tools: Tools, to: string) => void | Promise<void>>> = {
  'rust-actor': (tools, to) => rustGuest(tools, 'actor', to),
  'rust-service': (tools, to) => rustGuest(tools, 'service', to),
  'rust-middleware': (tools, to) => rustGuest(tools, 'middleware', to),

  async 'c-actor'(tools, to) {
    const folder = tools.at('c-actor');
    mkdirSync(folder, { recursive: true });
    tools.run(tools.witBindgen(), ['c', '--world', 'actor', ACTOR_WIT], folder);
    const core = tools.at('c-actor.core.wasm');
    const files = [join(SOURCES, 'actor.c'), join(folder, 'actor.c'), join(folder, 'actor_component_type.o')];
    const flags = ['-target', 'wasm32-wasi', '-mexec-model=reactor', '-Oz', '-s', `-I${folder}`];
    tools.zig(['cc', ...flags, ...files, '-o', core]);
    writeFileSync(to, await componentNew(readFileSync(core), []));
  },

  'python-actor'(tools, to) {
    const folder = tools.at('python-actor');
    mkdirSync(folder, { recursive: true });
    cpSync(join(SOURCES, 'actor.py'), join(folder, 'actor.py'));
    tools.python();
    const world = ['-d', ACTOR_WIT, '-w', 'actor'];
    tools.run(tools.at('venv/bin/componentize-py'), [...world, 'componentize', 'actor', '-o', to], folder);
  },

  async 'quickjs-waits'(_, to) {
    const { component } = await componentize({
      witPath: join(SOURCES, 'waits-wit'),
      world: 'waits',
      jsSource: readFileSync(join(SOURCES, 'waits.js'), 'utf8'),
      optSize: true,
    });
    writeFileSync(to, component);
  },
};
