import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { main } from '../../../src/cli/index.ts';

const source = (version: string): string => `
import { defineActor } from 'vivarium/guest';
export const lifecycle = defineActor({
  name: 'developed',
  version: '1.0.0',
  onStart() {
    if ('${version}' === 'third') throw new Error('no start');
  },
  onMessage(message) {
    if (message.text() === 'spin') for (;;);
    console.log('hears', message.text());
    return '${version} ' + message.text();
  },
});`;

it('viv dev builds on change, keeps the actor that runs where it cannot, and shows its log', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vivarium-dev-'));
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  let [out, err] = ['', ''];
  streams.stdout.on('data', (chunk) => {
    out += chunk;
  });
  streams.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const seen = async (part: string, text: () => string): Promise<void> => {
    await expect.poll(text, { message: `there was ${out}${err}` }).toContain(part);
  };
  try {
    await writeFile(join(folder, 'actor.ts'), source('first'));
    const ended = main(['dev', folder, '--no-check'], streams as never);
    await seen('runs as local/', () => out);
    streams.stdin.write('one\n');
    await seen('first one', () => out);
    await writeFile(join(folder, 'actor.ts'), 'export const');
    await seen('PROJECT_BUILD_FAILED', () => err);
    streams.stdin.write('two\n');
    await seen('first two', () => out);
    out = '';
    await writeFile(join(folder, 'actor.ts'), source('second'));
    await seen('runs as local/', () => out);
    // One that cannot start takes no place either.
    await writeFile(join(folder, 'actor.ts'), source('third'));
    await seen('no start', () => err);
    streams.stdin.write('three\n');
    await seen('second three', () => out);
    // One that failed has no version that another could replace.
    streams.stdin.write('spin\n');
    await seen('METERING_DEADLINE', () => err);
    out = '';
    await writeFile(join(folder, 'actor.ts'), source('fourth'));
    await seen('runs as local/', () => out);
    streams.stdin.end('four\n');
    expect(await ended).toBe(0);
    expect(out).toContain('fourth four');
    expect(err).toContain('[info] hears three');
  } finally {
    await rm(folder, { recursive: true });
  }
});
