// What a server prints while the disk of its log is full: nothing ends, and what is missing is said.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { LastingOutput } from '../../src/cli/terminal/lasting-output.ts';
import { helloHandler } from '../../tools/components/hello-handler.ts';
import { homeIn } from '../support/home-in.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const told = (lost: number): string => `lost ${lost}\n`;

it('a full disk loses lines, never whole ones in the middle, and the number of lost lines is told', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.stringMatching(/^[a-z]{0,9}$/), fc.nat(30)), { maxLength: 30 }), (writes) => {
      let file = '';
      let room = 0;
      const output = new LastingOutput((bytes) => {
        if (room === 0) throw new Error('ENOSPC');
        const piece = Buffer.from(bytes.subarray(0, room)).toString();
        room -= piece.length;
        file += piece;
        return piece.length;
      }, told);
      for (const [text, left] of writes) {
        room = left;
        output.write(`line ${text}\n`);
      }
      room = 1_000;
      output.write('line end\n');
      const lines = file.split('\n');
      expect(lines.slice(-2)).toEqual(['line end', '']);
      const whole = lines.filter((line) => writes.some(([text]) => line === `line ${text}`)).length;
      const lost = [...file.matchAll(/^lost (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
      // A line may be whole but for its line feed, and is then counted as lost too.
      expect(whole + lost).toBeGreaterThanOrEqual(writes.length);
    }),
  );
});

it.runIf(existsSync('/dev/full'))('viv serve goes on where its log cannot be written, and ends as usual', async () => {
  using folder = temporaryFolder();
  writeFileSync(folder.at('hello.wasm'), await helloHandler());
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  const full = openSync('/dev/full', 'w');
  const server = spawn(
    process.execPath,
    ['bin/viv.js', 'serve', folder.at('hello.wasm'), '--addr', `127.0.0.1:${port}`, '--json'],
    { env: { ...process.env, VIVARIUM_HOME: homeIn(folder.path) }, stdio: ['ignore', full, full] },
  );
  onTestFinished(() => void server.kill('SIGKILL'));
  const exited = once(server, 'exit');
  const get = (): Promise<string> =>
    fetch(`http://127.0.0.1:${port}/`).then(
      (response) => response.text(),
      () => '',
    );
  await expect.poll(get, { interval: 200 }).toBe('hello');
  expect(await get()).toBe('hello');
  server.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});
