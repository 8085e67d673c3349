import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { componentNew } from '@bytecodealliance/jco-transpile/wasm-tools';
import type { Tools } from './build.ts';

/** Languages of `viv new --language` beside TypeScript. */
export type ForeignLanguage = 'rust' | 'python' | 'c';

/** What a project of `viv new` makes. */
export type ForeignTemplate = 'actor' | 'command' | 'handler' | 'library';

const [WASIP2, UNKNOWN] = ['wasm32-wasip2', 'wasm32-unknown-unknown'];

/**
 * Whether a project can be built with what `npm run toolchains -- --guests` has fetched. Cargo fetches a crate for one that is not a command, so that
 * this waits for that script to have been run too.
 */
export function hasCompiler(tools: Tools, language: ForeignLanguage, template: ForeignTemplate): boolean {
  const fetched = existsSync(tools.at('venv/bin/python'));
  if (language === 'c' && template !== 'command') return fetched && tools.hasWitBindgen;
  if (language !== 'rust') return fetched;
  return template === 'command' ? hasTarget(WASIP2) : fetched && rustTarget() !== undefined;
}

/** The target for a library: without WASI's own, the one that has no WASI makes the same component in two steps. */
function rustTarget(): string | undefined {
  return [WASIP2, UNKNOWN].find(hasTarget);
}

function hasTarget(target: string): boolean {
  try {
    const args = ['--print', 'target-libdir', '--target', target];
    return existsSync(execFileSync('rustc', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim());
  } catch {
    return false;
  }
}

const WORLDS = { actor: 'actor', command: 'command', handler: 'handler', library: 'guest' };

/** Makes the component of a project that `viv new --language` wrote, by the commands of its README. */
export async function makeProject(
  tools: Tools,
  {
    language,
    template,
    folder,
    to,
  }: { language: ForeignLanguage; template: ForeignTemplate; folder: string; to: string },
): Promise<void> {
  if (language === 'rust') {
    if (template === 'command') tools.run('rustc', ['--target', WASIP2, '-O', 'src/main.rs', '-o', to], folder);
    else await makeCrate(tools, folder, to);
  } else if (language === 'python') {
    tools.python();
    const args = ['-d', 'wit', '-w', WORLDS[template], 'componentize', 'app', '-o', to];
    tools.run(tools.at('venv/bin/componentize-py'), args, folder);
  } else {
    await compileC(tools, template, folder, to);
  }
}

const SOURCES = { actor: 'src/actor.c', command: 'src/main.c', handler: 'src/handler.c', library: 'src/library.c' };

async function compileC(tools: Tools, template: ForeignTemplate, folder: string, to: string): Promise<void> {
  const core = join(folder, 'core.wasm');
  const compiler = ['-m', 'ziglang', 'cc', '-target', 'wasm32-wasi', '-Os', '-Wall', '-Werror', SOURCES[template]];
  if (template === 'command') {
    tools.run(tools.python(), [...compiler, '-o', core], folder);
    return tools.adapt(core, to);
  }
  const world = WORLDS[template];
  tools.run(tools.witBindgen(), ['c', 'wit', '--world', world, '--out-dir', 'bindings'], folder);
  const bindings = ['-Ibindings', `bindings/${world}.c`, `bindings/${world}_component_type.o`];
  tools.run(tools.python(), [...compiler, '-mexec-model=reactor', ...bindings, '-o', core], folder);
  await tools.adapt(core, to, 'reactor');
}

async function makeCrate(tools: Tools, folder: string, to: string): Promise<void> {
  const target = rustTarget();
  if (target === undefined) throw new Error('rustc has no target for components');
  // Crates are compiled once for all projects.
  const made = tools.at('cargo-target');
  tools.run('cargo', ['build', '--quiet', '--release', '--target', target], folder, { CARGO_TARGET_DIR: made });
  const file = readFileSync(join(made, target, 'release/project.wasm'));
  writeFileSync(to, target === WASIP2 ? file : await componentNew(file, []));
}
