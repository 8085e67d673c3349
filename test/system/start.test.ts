import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { actor } from '../../tools/components/actor-wat.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const hook = pathToFileURL(join(import.meta.dirname, 'support/note-modules.mjs')).href;
const joined = (): Record<string, string[]> => JSON.parse(readFileSync(join(root, 'dist/start/modules.json'), 'utf8'));

/** Runs the built program; returns the files that it loaded, those that were joined by their own names. */
function modulesOf(args: readonly string[], folder: ReturnType<typeof temporaryFolder>): string[] {
  return loadedBy([join(root, 'bin/viv.js'), ...args], folder);
}

function loadedBy(args: readonly string[], folder: ReturnType<typeof temporaryFolder>): string[] {
  const noted = folder.at('modules.json');
  execFileSync(process.execPath, ['--import', hook, ...args], {
    cwd: root,
    stdio: 'ignore',
    env: {
      ...process.env,
      NOTED_MODULES: noted,
      VIVARIUM_CACHE_DIR: folder.at('cache'),
      VIVARIUM_HOME: folder.at('home'),
    },
  });
  const parts = joined();
  return (JSON.parse(readFileSync(noted, 'utf8')) as string[]).flatMap(
    (url) =>
      /\/dist\/start\/([^/]+)$/
        .exec(url)
        ?.slice(1)
        .flatMap((name) => parts[name] ?? [name]) ?? [url],
  );
}

it('a warm run loads no transpiler, no rewriter, no planner of calls, no registry and no portable cache', async () => {
  using folder = temporaryFolder();
  const component = folder.at('actor.wasm');
  writeFileSync(component, await actor());
  const args = ['run', component, '--message', 'hello'];
  modulesOf(args, folder);
  const warm = modulesOf(args, folder);
  expect(warm.filter((module) => module.includes('dist/metering/'))).toContain('dist/metering/tank/tank.js');
  expect(warm).toContain('dist/cache/disk.js');
  const packages = /node_modules\/(@bytecodealliance|@sigstore|acorn|capnp-es|componentize|esbuild|hash-wasm|undici)/;
  const parts =
    /dist\/(bundle|registry|delegation|project|guest)\/(?!errors\.js)|runtime\/direct\/(plan|lift-code|lower-code)|metering\/(meter|explain|operators|survey|plan|startup|assembly|body|sections)\b|dist\/cache\/(doctor|prune|warmup|survey)/;
  expect(warm.filter((module) => packages.test(module) || parts.test(module))).toEqual([]);
});

it('a command loads neither the server nor the watcher of another one', () => {
  using folder = temporaryFolder();
  const loaded = modulesOf(['--help'], folder);
  expect(loaded).toContain('dist/cli/commands/serve.js');
  expect(
    loaded.filter((module) => /dist\/server\/|cli\/commands\/(serve|dev)\/|terminal\/settling/.test(module)),
  ).toEqual([]);
});

it('a command that needs one of them loads it', () => {
  using folder = temporaryFolder();
  const path = modulesOf(['cache', 'stats'], folder);
  expect(path).toContain('dist/cache/survey.js');
  expect(path.filter((module) => /dist\/bundle\/(?!errors\.js)/.test(module))).toEqual([]);
});

const ENGINE =
  /dist\/(messaging|supervision|runtime\/(wasi|store|engine|direct\/direct|tasks))\/(?!errors\.js)|xstate|tsyringe|cborg/;

it.each([
  ['an import', ['--input-type=module', '-e', "await import('vivarium')"]],
  ['require', ['-e', "require('vivarium')"]],
])('%s of the package loads its errors and no engine', (_, args) => {
  using folder = temporaryFolder();
  const loaded = loadedBy(args, folder);
  expect(loaded).toContain('dist/runtime/errors.js');
  expect(loaded.filter((module) => ENGINE.test(module))).toEqual([]);
});

it('createRuntime loads the engine', () => {
  using folder = temporaryFolder();
  const create = "const { createRuntime } = await import('vivarium'); await (await createRuntime()).close()";
  const loaded = loadedBy(['--input-type=module', '-e', create], folder);
  expect(loaded).toEqual(expect.arrayContaining(['dist/messaging/router.js', 'dist/runtime/engine/jco-engine.js']));
});
