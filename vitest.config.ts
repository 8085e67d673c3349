import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

/** `npm test` runs `unit`; `.ci/run` runs `servers` (real databases and registries), `toolchains`, `browser` (the dashboard in Chromium) and `long` (soaks) as well. */
const suite = process.env.VIVARIUM_TEST_SUITE ?? 'unit';

/** `npm run mutate` asks for one change of the source, made where it is loaded. */
const mutation = process.env.VIVARIUM_MUTATION;
const { file, from, to } = JSON.parse(mutation ?? '{}') as { file?: string; from?: string; to?: string };

export default defineConfig({
  plugins:
    file === undefined || from === undefined || to === undefined
      ? []
      : [
          {
            name: 'mutation',
            enforce: 'pre',
            transform: (code, id) =>
              id === resolve(file) ? { code: code.replace(from, () => to), map: null } : undefined,
          },
        ],
  test: {
    include: suite === 'unit' ? ['test/**/*.test.ts'] : [`test/${suite}/**/*.test.ts`],
    exclude: suite === 'unit' ? ['test/servers/**', 'test/long/**', 'test/toolchains/**', 'test/browser/**'] : [],
    globalSetup: ['test/run-folder.ts'],
    setupFiles: ['test/setup.ts'],
    testTimeout: suite === 'unit' ? 120_000 : 600_000,
    hookTimeout: suite === 'unit' ? 120_000 : 600_000,
    // A condition that is polled for may take as long as a busy machine needs.
    expect: { poll: { interval: 5, timeout: 60_000 } },
    pool: 'forks',
    // A file that is kept between runs would hide a mutation, or outlive it.
    fsModuleCache: mutation === undefined,
    maxWorkers: 2,
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text-summary', 'html'] },
  },
});
