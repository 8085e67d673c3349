import { spawn } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { programBeside } from '#processes';
import type { Question } from './asker.ts';

export type { Question };

const asker = programBeside(import.meta.url, './asker').pathname;

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

/** The replies of 4 threads and 4 processes that all ask at the same time. */
export async function askEverywhere(question: Question): Promise<unknown[]> {
  const four = [1, 2, 3, 4];
  const replies = await Promise.all([
    ...four.map(() => askInThread(question)),
    ...four.map(() => askInProcess(question)),
  ]);
  return replies.flat();
}
