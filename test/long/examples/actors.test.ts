import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);

async function example(name: string): Promise<string[]> {
  const { stdout } = await run(process.execPath, [`examples/${name}/main.ts`], { timeout: 600_000 });
  return stdout.trimEnd().split('\n');
}

describe('examples', () => {
  it('chat: everybody in the room hears what is said, and nobody who has left', async () => {
    const lines = await example('chat');
    expect(lines).toContain('Grace hears "Ada: Is anybody here?"');
    expect(lines).toContain('Ada hears "Grace: I am."');
    expect(lines.filter((line) => line.startsWith('[lobby]'))).toHaveLength(3);
    expect(lines.filter((line) => line.startsWith('heard by'))).toEqual(['heard by 3', 'heard by 3', 'heard by 2']);
  });

  it('pipeline: credit keeps small mailboxes from overflowing', async () => {
    const sum = Array.from({ length: 500 }, (_, index) => (index + 1) ** 2).reduce((a, b) => a + b);
    expect(await example('pipeline')).toEqual([`sum of the squares up to 500: ${sum}`, 'refused 0, dead letters 0']);
  });

  it('flaky-worker: restarted twice, stored state kept, then given up', async () => {
    const lines = await example('flaky-worker');
    expect(lines).toContain('third done; 3 in all, 1 since the last start');
    expect(lines).toContain('fourth done; 4 in all, 1 since the last start');
    expect(lines.filter((line) => line.startsWith('restart'))).toEqual(['restart 1 of worker', 'restart 2 of worker']);
    expect(lines.at(-1)).toBe('fifth failed: SUPERVISION_INTENSITY');
    expect(lines).toContain('demo/worker/1 was given up');
  });
});
