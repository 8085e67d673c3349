import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import type { Question } from './support/asker.ts';
import { temporaryFolder } from './support/cache.ts';
import { expectedAnswers, testComponent } from './support/components.ts';

const asker = join(import.meta.dirname, 'support/asker.ts');

function askInThread(question: Question): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(asker, { workerData: question, execArgv: [] });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

function askInProcess(question: Question): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [asker, JSON.stringify(question)], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(output));
      else reject(new Error(`the asking process ended with ${code}`));
    });
  });
}

function questionIn(root: string, outcome: Question['outcome']): Question {
  return { root, log: join(root, 'log'), ready: join(root, 'ready'), value: 9, times: 8, askers: 8, outcome };
}

async function askEverywhere(question: Question): Promise<unknown[]> {
  const four = [1, 2, 3, 4];
  const replies = await Promise.all([
    ...four.map(() => askInThread(question)),
    ...four.map(() => askInProcess(question)),
  ]);
  return replies.flat();
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
