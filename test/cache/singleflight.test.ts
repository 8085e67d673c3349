import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { askEverywhere, type Question } from '../../tools/cache/ask-everywhere.ts';
import { expectedAnswers, testComponent } from '../../tools/cache/components.ts';
import { temporaryFolder } from './support/cache.ts';

function questionIn(root: string, outcome: Question['outcome']): Question {
  return { root, log: join(root, 'log'), ready: join(root, 'ready'), value: 9, times: 8, askers: 8, outcome };
}

function builds(log: string): number {
  return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').length : 0;
}

describe('64 requests for one cold component from 4 threads and 4 processes', () => {
  it('are served by one build', async () => {
    const root = temporaryFolder();
    const question = questionIn(root, 'good');
    const replies = await askEverywhere(question);
    expect(replies).toEqual(Array.from({ length: 64 }, () => expectedAnswers(testComponent(9))));
    expect(builds(question.log)).toBe(1);
  });

  it('all fail with the one failure of those that asked while it was being built', async () => {
    const root = temporaryFolder();
    const question = questionIn(root, 'fails');
    const replies = (await askEverywhere(question)) as string[];
    const first = readFileSync(question.log, 'utf8').split('\n')[0];
    expect(replies).toEqual(Array.from({ length: 64 }, () => `RUNTIME_ABORTED: failed in ${first}`));
    expect(builds(question.log)).toBe(1);
  });
});
