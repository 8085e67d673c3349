import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('the worked example asks its model once', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['examples/delegation/main.ts', '--json']);
  const steps = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(steps).toMatchObject([
    { step: 'answered', value: 'hello-wide-world', by: 'RemoteModel', modelCalls: 1 },
    { step: 'answered', value: 'the-second-time-is-cheaper', by: 'L4CacheHit', modelCalls: 1 },
    { step: 'published', status: 'verified' },
    { step: 'statistics', hits: 1, misses: 1, hitRate: 0.5 },
  ]);
});
