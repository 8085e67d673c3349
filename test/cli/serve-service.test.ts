import { once } from 'node:events';
import { type IncomingMessage, request as send } from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { main } from '../../src/cli/index.ts';

it('viv serve answers with a service of wasi:http 0.3, with trailers both ways', async () => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const args = ['serve', 'test/toolchains/components/rust-service.wasm', '--addr', '127.0.0.1:0', '--json'];
  const done = main(args, { stdin: Readable.from([]), stdout, stderr });
  const [line] = (await new Promise<Buffer>((resolve) => stdout.once('data', resolve))).toString().split('\n');
  const { url } = JSON.parse(line as string) as { url: string };

  const post = async (path: string, body: string): Promise<{ response: IncomingMessage; text: string }> => {
    const request = send(`${url}${path}`, { method: 'POST', headers: { trailer: 'x-sum', te: 'trailers' } });
    request.write(body);
    request.addTrailers({ 'x-sum': '42' });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return { response, text: await text(response) };
  };
  const upper = await post('/upper', 'abc'.repeat(30_000));
  expect([upper.response.statusCode, upper.response.trailers]).toEqual([200, { 'x-done': 'yes' }]);
  expect(upper.text).toBe('ABC'.repeat(30_000));
  expect((await post('/trailers', 'abc')).text).toBe('3 x-sum=42');
  const echo = await post('/echo', 'abc');
  expect([echo.text, echo.response.trailers]).toEqual(['abc', { 'x-sum': '42' }]);
  expect((await fetch(`${url}/error`)).status).toBe(502);

  process.emit('SIGTERM');
  expect(await done).toBe(0);
});

it('viv serve answers requests side by side in one instance with --concurrency', async () => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const args = ['serve', 'test/toolchains/components/rust-service.wasm', '--addr', '127.0.0.1:0', '--json'];
  const done = main([...args, '--concurrency', '4'], { stdin: Readable.from([]), stdout, stderr });
  const [line] = (await new Promise<Buffer>((resolve) => stdout.once('data', resolve))).toString().split('\n');
  const { url } = JSON.parse(line as string) as { url: string };
  const waiting = send(`${url}/count`, { method: 'POST' });
  waiting.write('abc');
  expect(await (await fetch(`${url}/hello`)).text()).toBe('hello');
  const answered = once(waiting, 'response') as Promise<[IncomingMessage]>;
  await expect((async () => (await fetch(`${url}/trap`)).text())()).rejects.toThrow();
  // They share an instance, which the trap has ended.
  const [response] = await answered;
  expect([response.statusCode, response.headers['retry-after']]).toEqual([503, '1']);
  waiting.destroy();
  process.emit('SIGTERM');
  expect(await done).toBe(0);
});
