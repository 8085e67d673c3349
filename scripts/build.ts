// Compiles src/ to dist/, and joins what a start imports into few files.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, join, relative, resolve, sep } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { OWN_URL, writeBundledDoors } from './build/bundled.ts';
import { rewriteCompiledFiles } from './build/published-files.ts';
import { importedDynamically, importOf } from './build/sharers.ts';
import { compiledFilesOf, removeStaleFiles } from './build/stale-files.ts';
import { throughDoors } from './build/through-doors.ts';
import { copyTranspiler } from './build/transpiler.ts';

const tsc = join(createRequire(import.meta.url).resolve('typescript-native/package.json'), '../bin/tsc');
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

/** The files of this build, relative to `dist`. */
const made = new Set([
  'build.tsbuildinfo',
  ...compiledFilesOf('src'),
  ...copyTranspiler('dist/transpiler').map((file) => `transpiler/${file.split(sep).join('/')}`),
]);

rewriteCompiledFiles('dist');

/** What `import 'vivarium'` loads, and what `createRuntime` loads after it. */
const [DOOR, RUNTIME] = ['dist/index.js', 'dist/system/hosted-runtime.js'];
/** Files that import one of the two, so that they share all of it; see `importedDynamically`. */
const sharers = new Map<string, string>();

const compiledFiles: Plugin = {
  name: 'compiled-files',
  setup: ({ onLoad, onResolve }) => {
    onResolve({ filter: /^own-url$/ }, () => ({ path: 'own-url', namespace: 'own-url' }));
    onLoad({ filter: /^/, namespace: 'own-url' }, () => ({ contents: OWN_URL, resolveDir: '.' }));
    // The transpiler stays as it was made; see `copyTranspiler`.
    onResolve({ filter: /\/transpiler\/(?:vendor|dist)\// }, ({ path }) => ({
      path: path.replace(/^.*\/transpiler\//, '../transpiler/'),
      external: true,
    }));
    onLoad({ filter: /[\\/]dist[\\/].*\.js$/ }, async ({ path }) => {
      const file = relative('dist', path).split(sep).join('/');
      const text = throughDoors(await readFile(path, 'utf8'), path);
      const shared = sharers.get(path);
      const before = shared === undefined ? '' : importOf(path, resolve(shared));
      return { contents: `${before}${withSameUrls(text, file)}` };
    });
  },
};

/** Code that finds files beside itself goes on finding them beside the file that it was compiled to. */
function withSameUrls(text: string, file: string): string {
  if (!text.includes('import.meta.url')) return text;
  const located = text.replaceAll('import.meta.url', `ownUrl(${JSON.stringify(`../${file}`)})`);
  return `import { ownUrl } from 'own-url';\n${located}`;
}

/** Packages that every start imports, of many small files; all others stay packages, most of them loaded on use. */
const JOINED = [
  'cborg',
  'eventemitter3',
  'is-network-error',
  'lru-cache',
  'p-retry',
  'reflect-metadata',
  'smol-toml',
  'tsyringe',
  'xstate',
];
const { dependencies, optionalDependencies, peerDependencies } = JSON.parse(
  readFileSync('package.json', 'utf8'),
) as Record<string, object>;
const packages = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }).filter(
  (name) => !JOINED.includes(name),
);

// Finding and reading a file for each module would be most of a warm start. The doors share their code, so that a class
// is the same whichever door it came through.
const doors = ['cache', 'metering', 'bundle', 'registry', 'delegation', 'testing', 'cli'];
const common: BuildOptions = {
  outdir: 'dist/start',
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  external: packages.flatMap((name) => [name, `${name}/*`]),
  mainFields: ['module', 'main'],
  plugins: [compiledFiles],
  // Node reads the whole text at every start, so blanks are left out; names stay. An uncaught error prints the line that threw it.
  minifyWhitespace: true,
  lineLimit: 120,
  sourcemap: 'linked',
  sourcesContent: false,
  logLevel: 'warning',
};
const fileOf = (door: string): string => resolve(`dist/${door}/index.js`);
for (const file of [...doors.map(fileOf), ...(await importedDynamically(DOOR, common))]) sharers.set(file, RUNTIME);
// The command line and the door of pure functions load less than the runtime.
sharers.delete(fileOf('metering'));
for (const file of [fileOf('cli'), resolve(RUNTIME)]) sharers.set(file, DOOR);
const { metafile } = await build({
  ...common,
  metafile: true,
  splitting: true,
  entryPoints: {
    index: 'dist/index.js',
    ...Object.fromEntries(doors.map((door) => [door, `dist/${door}/index.js`])),
  },
});
// The programs of a build: a process and a thread that share nothing with the doors.
sharers.clear();
const programs = await build({
  ...common,
  metafile: true,
  splitting: true,
  entryPoints: {
    'build-child': 'dist/system/build-child.js',
    'tool-thread': 'dist/runtime/transpile/tool-thread-program.js',
  },
});

const exportsOf = (door: string): readonly string[] => metafile.outputs[`dist/start/${door}.js`]?.exports ?? [];
const hosting = ['index', ...doors.filter((name) => name !== 'cli' && name !== 'metering')];
const bundled = writeBundledDoors('dist/start/bundled', new Map(hosting.map((door) => [door, exportsOf(door)])));

// Which compiled file is in which joined one: tests ask what a start loads.
const joined = Object.entries(metafile.outputs)
  .filter(([file]) => file.endsWith('.js'))
  .map(([file, { inputs }]) => [basename(file), Object.keys(inputs)]);
writeFileSync('dist/start/modules.json', JSON.stringify(Object.fromEntries(joined)));

const started = [...Object.keys(metafile.outputs), ...Object.keys(programs.metafile.outputs), ...bundled];
for (const file of [...started, 'dist/start/modules.json']) made.add(file.slice('dist/'.length));
removeStaleFiles('dist', made);
