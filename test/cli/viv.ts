// Runs `viv` in this process with streams of its own.
import { PassThrough, Readable } from 'node:stream';
import { main } from '../../src/cli/index.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Standard output as one object a line. */
  readonly objects: readonly Record<string, unknown>[];
}

export async function viv(args: readonly string[], { input = '', terminal = false } = {}): Promise<Ran> {
  const [stdout, stderr] = [
    Object.assign(new PassThrough(), { isTTY: terminal }),
    Object.assign(new PassThrough(), { isTTY: terminal }),
  ];
  const code = await main(args, { stdin: Readable.from([input]), stdout, stderr });
  const [out, err] = [text(stdout), text(stderr)];
  const lines = out.split('\n').filter((line) => line.startsWith('{'));
  return { code, out, err, objects: lines.map((line) => JSON.parse(line)) };
}

function text(stream: PassThrough): string {
  let all = '';
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) all += String(chunk);
  return all;
}
