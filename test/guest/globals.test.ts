import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActorRef } from '#messaging';
import { createRuntime, type Runtime } from '#system';
import { buildActor } from '#system/operations';
import { TestClock } from '../../src/testing/clock.ts';
import type { lifecycle } from './guests/modern.ts';

type Modern = NonNullable<(typeof lifecycle)['operations']>;

let folder: string;
let warnings: readonly string[];
let runtime: Runtime;
let modern: ActorRef<Modern>;
const lines: [channel: string, message: string][] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vivarium-globals-'));
  const source = fileURLToPath(new URL('guests/modern.ts', import.meta.url));
  const built = await buildActor(source, { output: join(folder, 'modern.wasm') });
  warnings = built.warnings;
  runtime = await createRuntime({
    // What the guest waits for is over at once; the time limits of the host never pass.
    overrides: { clock: TestClock.atOnce(3_000) },
    limits: { maxExecutionTimeMs: 60_000, maxFuel: 1_000_000_000n },
  });
  runtime.on('log', ({ channel, message }) => lines.push([channel, message]));
  const handle = await runtime.load(built.file, {
    id: 't/modern/1',
    grants: ['messaging:*:**'],
    env: { NAME: 'Ada' },
  });
  modern = runtime.actor<Modern>(handle);
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true });
});

describe('the language of a guest', () => {
  it('answers as Node does', async () => {
    expect(await runtime.request(modern, { language: null }, { timeoutMs: 600_000 })).toEqual({
      url: 'https://user@example.org:8080/b?q=1&q=2&new=%C3%A4+b#part',
      search: [
        ['a', '1'],
        ['b', ' '],
      ],
      utf8: [...new TextEncoder().encode('aä€😀')],
      text: '😀\ufffda',
      collected: [1, 2, 3],
      cleanedUp: [
        ...['closing', 'closed'],
        ...['closing', 'closed', 'around'],
        ...['closing', 'closed', 'around', '{"value":"given","done":true}'],
        ...['closing', 'closed', 'around', 'Error: thrown'],
      ],
      names: ['URL', 'Headers', 'Request', 'AbortController', 'fetch', 'setTimeout'],
      order: ['now', 'microtask', 'job', 'timer 1', 'round 1', 'timer 2', 'round 2', 'round 3'],
      settled: [{ status: 'fulfilled', value: 1 }, { status: 'rejected', reason: 'no' }, { status: 'fulfilled' }],
      any: 'any',
      race: 'fast',
      fromAsync: [2, 4, 6],
      aborted: ['told', 'Error: enough', 'AbortError'],
      timeout: 'TimeoutError',
      request: ['POST', 'application/x-www-form-urlencoded;charset=UTF-8', 'a=1'],
      response: [201, true, [['content-type', 'application/json']], { b: [2] }],
      copy: [5, { deep: true }, [1, 2]],
      base64: ['YWJj', 'abc'],
    });
  });

  it('logs what is printed, also while the component is made, once for each instance', () => {
    expect(lines.filter(([, message]) => message.startsWith('made'))).toEqual([
      ['info', "made once { list: [ 1, Map(1) { 'key' => [Set] } ] }"],
    ]);
  });

  it('says by name what is not there, when it is built and when it is used', async () => {
    expect(warnings).toEqual([
      expect.stringMatching(/modern\.ts:\d+: process is not there in a guest: /),
      expect.stringMatching(/modern\.ts:\d+: WebSocket is not there in a guest: /),
    ]);
    for (const name of ['process', 'crypto.subtle', 'WebSocket']) {
      const answer = await runtime.request(modern, { missing: name.replace('crypto.', '') });
      expect(answer).toContain(`ReferenceError: ${name} is not there in a guest`);
    }
    expect(await runtime.request(modern, { guarded: null })).toBe('undefined');
  });

  it('has random numbers and a clock of its own', async () => {
    const [uuid, length] = (await runtime.request(modern, { random: null })) as [string, number];
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(length).toBe(4);
    expect(await runtime.request(modern, { elapsed: null })).toBeGreaterThanOrEqual(19);
  });
});

describe('asynchronous handlers', () => {
  it('answer what their promise is settled with, also at the start', async () => {
    expect(await runtime.request(modern, { started: null })).toEqual(['ready at the start', 'Ada']);
    expect(await runtime.request(modern, { double: 4 })).toBe(8);
    expect(Buffer.from((await runtime.request(modern.handle, Buffer.from('{"a":1,"b":2}'))) ?? []).toString()).toBe(
      '{"got":{"a":1,"b":2}}',
    );
  });

  it('ask other actors, and wait for the answers', async () => {
    const other = await runtime.load(join(folder, 'modern.wasm'), { id: 't/other/1', grants: ['messaging:*:**'] });
    expect(await runtime.request(modern, { asks: 't/other/1' })).toEqual([42, { got: 'plain' }]);
    expect(await runtime.request(modern, { asksNobody: null })).toContain('MessageError: ');
    await runtime.unload(other);
  });

  it('fetch what they are granted, several at a time, and give up when they are told to', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/never') return;
      response.setHeader('x-kind', request.method ?? '');
      request.pipe(response.writeHead(request.url === '/none' ? 404 : 200));
      if (request.method === 'GET') response.end('y'.repeat(50_000));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const handle = await runtime.load(join(folder, 'modern.wasm'), {
        id: 't/fetching/1',
        grants: [`network:connect:${url}`],
      });
      const fetching = runtime.actor<Modern>(handle);
      const ask = (argument: { url: string; body?: string; timeoutMs?: number }) =>
        runtime.request(fetching, { fetches: argument }, { timeoutMs: 600_000 });
      const whole = 'y'.repeat(50_000);
      expect(await ask({ url })).toEqual([200, 'GET', whole, whole]);
      expect(await ask({ url: `${url}/none`, body: 'sent' })).toEqual([404, 'POST', 'sent', 'sent']);
      await expect(ask({ url: `${url}/never`, timeoutMs: 50 })).rejects.toThrow('TimeoutError');
      await expect(ask({ url: url.replace('//', '//user:word@') })).rejects.toThrow('no URL with a user or password');
      await expect(ask({ url: 'http://127.0.0.2:9/' })).rejects.toThrow('fetch failed: http://127.0.0.2:9/');
      await runtime.unload(handle);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('fail with what their promise is rejected with', async () => {
    await expect(runtime.request(modern, { rejects: null })).rejects.toThrow('RangeError: too far');
    await expect(runtime.request(modern, { never: null })).rejects.toThrow('the promise is never settled');
    expect(runtime.state(modern.handle)).toBe('ready');
  });

  it('end with their turn, and say what was left', async () => {
    lines.length = 0;
    await runtime.request(modern, { forgotten: null });
    await runtime.request(modern, { unhandled: null });
    await runtime.request(modern, { double: 1 });
    expect(lines).toEqual([
      ['debug', '1 timers were dropped: the turn ended before they were due'],
      ['error', expect.stringContaining('a promise was rejected, and nothing handled it: RangeError: too far')],
    ]);
  });
});
