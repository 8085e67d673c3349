// How compilers, linters of packages and bundlers see the packed package.
import { join } from 'node:path';
import { build as esbuild } from 'esbuild';
import { publint } from 'publint';
import { build as vite } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { webpack } from 'webpack';
import { compile, InstalledProject } from '../../package/installed.ts';

let project: InstalledProject;
beforeAll(() => {
  project = new InstalledProject();
  project.write(
    'app.js',
    "import { createRuntime } from 'vivarium';\nawait using runtime = await createRuntime();\nconsole.log('runs');\n",
  );
}, 600_000);
afterAll(() => project.remove());

describe('linters of packages', () => {
  it('publint finds nothing', async () => {
    const { messages } = await publint({
      pkgDir: join(project.folder, 'node_modules/vivarium'),
      pack: false,
      strict: true,
      level: 'warning',
    });
    expect(messages).toEqual([]);
  });
});

describe('types, library files checked too', () => {
  // The oldest supported compiler goes with the newest types of Node that it can read. test/long/package has the other pairs.
  beforeAll(() => project.link({ 'types-node-24': 'older/@types/node' }));

  it.each([
    ['typescript-5.4', '--typeRoots', 'older/@types', '--module', 'nodenext'],
    ['typescript-native', '--module', 'nodenext'],
    ['typescript-native', '--module', 'esnext', '--moduleResolution', 'bundler'],
  ])(
    '%s %s %s',
    (compiler, ...options) => {
      expect(compile(project, compiler, options)).toBe('');
    },
    600_000,
  );
});

const bundlers = {
  esbuild: async (external: readonly string[], outfile: string): Promise<unknown> =>
    esbuild({ ...input(), bundle: true, platform: 'node', format: 'esm', external: [...external], outfile }),
  'esbuild to CommonJS': async (external: readonly string[], outfile: string): Promise<unknown> =>
    esbuild({ ...input('required.cjs'), bundle: true, platform: 'node', external: [...external], outfile }),
  vite: async (external: readonly string[], outfile: string): Promise<unknown> =>
    vite({
      root: project.folder,
      logLevel: 'silent',
      build: { ssr: 'app.js', outDir: '.', emptyOutDir: false, rollupOptions: { output: { entryFileNames: outfile } } },
      ssr: external.length === 0 ? { noExternal: true } : { external: [...external] },
    }),
  webpack: async (external: readonly string[], filename: string): Promise<unknown> =>
    new Promise((resolve, reject) =>
      webpack(
        {
          mode: 'development',
          devtool: false,
          context: project.folder,
          entry: './app.js',
          target: 'node24',
          output: { path: project.folder, filename, module: true, chunkFormat: 'module', library: { type: 'module' } },
          experiments: { outputModule: true },
          externals: [...external],
        },
        (error, stats) =>
          error === null && stats?.hasErrors() === false ? resolve(stats) : reject(error ?? stats?.toString()),
      ),
    ),
};
const input = (entry = 'app.js') => ({
  entryPoints: [entry],
  absWorkingDir: project.folder,
  logLevel: 'silent' as const,
});

describe.each(Object.entries(bundlers))('%s', (name, bundle) => {
  const file = (kind: string): string =>
    `${name.replaceAll(' ', '-')}-${kind}.${name.includes('CommonJS') ? 'cjs' : 'mjs'}`;
  beforeAll(() => {
    project.write(
      'required.cjs',
      "require('vivarium').createRuntime().then((runtime) => { console.log('runs'); return runtime.close(); });",
    );
  });

  it('leaves the package external', async () => {
    await bundle(['vivarium'], file('external'));
    expect(project.node(file('external'))).toBe('runs\n');
  }, 600_000);

  it('says so when the package was bundled', async () => {
    await bundle([], file('bundled'));
    expect(() => project.node(file('bundled'))).toThrow(/Error: vivarium was bundled, .* mark it as external/);
  }, 600_000);
});
