import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { askEverywhere, type Question } from '../../tools/cache/ask-everywhere.ts';
import type { Report } from '../figure.ts';

/** 64 requests for one cold component from 4 threads and 4 processes. */
export async function sharedBuild(report: Report, folder: string): Promise<void> {
  const files = { root: join(folder, 'shared'), log: join(folder, 'log'), ready: join(folder, 'ready') };
  const question: Question = { ...files, value: 9, times: 8, askers: 8, outcome: 'good' };
  const replies = await askEverywhere(question);
  const value = readFileSync(question.log, 'utf8').trim().split('\n').length;
  const figure = `builds for ${replies.length} requests from 4 threads and 4 processes`;
  report({ figure, value, unit: 'builds', goal: '1', holds: value === 1 && replies.length === 64 });
}
