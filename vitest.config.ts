import { defineConfig } from 'vitest/config';

/** `npm test` runs `unit`; `.ci/run` runs `servers` (real databases and registries) and `long` (soaks) as well. */
const suite = process.env.VIVARIUM_TEST_SUITE ?? 'unit';

export default defineConfig({
  test: {
    include: suite === 'unit' ? ['test/**/*.test.ts'] : [`test/${suite}/**/*.test.ts`],
    exclude: suite === 'unit' ? ['test/servers/**', 'test/long/**'] : [],
    setupFiles: ['test/setup.ts'],
    testTimeout: suite === 'unit' ? 120_000 : 600_000,
    hookTimeout: suite === 'unit' ? 120_000 : 600_000,
    pool: 'forks',
    maxWorkers: 2,
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text-summary', 'html'] },
  },
});
