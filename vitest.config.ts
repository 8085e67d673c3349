import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { defineConfig, type UserWorkspaceConfig } from 'vitest/config';
import { replacementOf } from './test/support/replaced-modules.ts';

/** `npm test` runs `unit`; `.ci/run` runs `servers` (real databases and registries), `toolchains`, `browser` (the dashboard in Chromium) and `long` (soaks, and what starts programs for many seconds) as well. */
const suite = process.env.VIVARIUM_TEST_SUITE ?? 'unit';
const isUnit = suite === 'unit';

/** `npm run mutate` asks for one change of the source, made where it is loaded. */
const mutation = process.env.VIVARIUM_MUTATION;
const { file, from, to } = JSON.parse(mutation ?? '{}') as { file?: string; from?: string; to?: string };

/** Tests start child processes in a way of their own: see ADR 0372. */
const replacedModules = {
  name: 'replaced-modules',
  enforce: 'pre' as const,
  load: replacementOf,
};

const plugins =
  file === undefined || from === undefined || to === undefined
    ? [replacedModules]
    : [
        replacedModules,
        {
          name: 'mutation',
          enforce: 'pre' as const,
          transform: (code: string, id: string) =>
            id === resolve(file) ? { code: code.replace(from, () => to), map: null } : undefined,
        },
      ];

/** Folders whose files share a process, which then loads the source once: see ADR 0313. */
const SHARED = [
  'bundle',
  'cache',
  'core',
  'delegation',
  'files',
  'guest',
  'messaging',
  'processes',
  'project',
  'registry',
  'rules',
  'security',
  'server',
  'storage',
  'supervision',
  'testing',
  'wasm',
];

/** What a file mentions that looks at its process, or changes it for those that come after it. Such a file has a process of its own. */
const OF_PROCESS =
  /process\.(?:argv|chdir|cpuUsage|emit|env|exitCode|getActive|memoryUsage|on\(|once|resourceUsage|title)|\/proc\/self|node:v8|node:vm|globalThis\.|setDefaultCA|\bgc\(|support\/host-loop|\bvi\.(?:mock|spy|stub|use)/;

const sharedFiles = SHARED.flatMap((folder) =>
  readdirSync(join('test', folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `test/${folder}/${name.replaceAll('\\', '/')}`)
    .filter((path) => !OF_PROCESS.test(readFileSync(path, 'utf8'))),
);

const project = (name: string, test: UserWorkspaceConfig['test']): UserWorkspaceConfig => ({
  plugins,
  test: {
    name,
    setupFiles: ['test/setup.ts'],
    // These end what hangs. No test may depend on the speed of a machine, so none has a shorter one (test/rules/patience.test.ts).
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // A condition that is polled for may take as long as a busy machine needs.
    expect: { poll: { interval: 5, timeout: 300_000 } },
    pool: 'forks',
    maxWorkers: 2,
    // A file that is kept between runs would hide a mutation, or outlive it.
    fsModuleCache: mutation === undefined,
    ...test,
  },
});

export default defineConfig({
  test: {
    globalSetup: ['test/run-folder.ts'],
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text-summary', 'html'] },
    projects: isUnit
      ? [
          project('shared', { include: sharedFiles, isolate: false }),
          project('alone', {
            include: ['test/**/*.test.ts'],
            exclude: ['test/servers/**', 'test/long/**', 'test/toolchains/**', 'test/browser/**', ...sharedFiles],
          }),
        ]
      : [project(suite, { include: [`test/${suite}/**/*.test.ts`] })],
  },
});
