// Requests that components make over HTTP: whose connections they use, for how long, and how they end.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createRuntime, type LoadOptions } from '../../src/index.ts';
import { TestClock } from '../../src/testing/clock.ts';
import { fetchingGuest } from '../../tools/components/fetching-guest.ts';

let component: Uint8Array;
beforeAll(async () => {
  component = await fetchingGuest();
});

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

async function scene(handle: Handle = (_, response) => void response.end('hello'), clock?: TestClock) {
  const used: (number | undefined)[] = [];
  const http = createServer((request, response) => {
    used.push(request.socket.remotePort);
    handle(request, response);
  });
  // The server closes no connection by itself, because it is the component's side that is looked at.
  http.keepAliveTimeout = 0;
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  const at = `127.0.0.1:${(http.address() as AddressInfo).port}`;
  const grant = `network:connect:http://${at}`;
  const runtime = await createRuntime(clock === undefined ? {} : { overrides: { clock } });
  onTestFinished(() => runtime.close());
  const open = (): Promise<number> => new Promise((resolve) => http.getConnections((_, count) => resolve(count)));
  const load = (options: LoadOptions = {}) => runtime.load(component, { grants: [grant], ...options });
  /** How many connections have carried a request. */
  const count = (): number => new Set(used).size;
  return { runtime, load, at, grant, open, used, count, http };
}

const polled = { timeout: 300_000 };

describe('the connections of a component', () => {
  it.each(['per-actor', 'per-call'] as const)('are kept for its next request, %s', async (store) => {
    const { runtime, load, at, used, count } = await scene();
    const guest = await load({ store });
    for (let call = 0; call < 3; call++) expect(await runtime.call(guest, 'fetch', at, 2)).toBe(10);
    expect([used.length, count()]).toEqual([6, 1]);
  });

  it('are never used by another, nor by the next version of it', async () => {
    const { runtime, load, at, used, count } = await scene();
    const guests = [await load(), await load()];
    for (let round = 0; round < 2; round++) for (const guest of guests) await runtime.call(guest, 'fetch', at, 1);
    expect([used.length, count()]).toEqual([4, 2]);
    const [first] = guests;
    if (first === undefined) throw new Error('there is none');
    await runtime.replace(first, component);
    await runtime.call(first, 'fetch', at, 1);
    expect([used.length, count()]).toEqual([5, 3]);
  });

  it.each(['unload', 'close', 'revoke', 'replace', 'failure'] as const)('are closed by %s', async (how) => {
    let fails = false;
    // No time passes, because a connection that nobody uses is closed after a while in any case.
    const { runtime, load, at, grant, open } = await scene(({ socket }, response) => {
      if (fails) socket.destroy();
      else response.end('hello');
    }, TestClock.atOnce(0));
    const guest = await load({ supervision: { restart: 'permanent', backoffMs: 0 } });
    await runtime.call(guest, 'fetch', at, 1);
    expect(await open()).toBe(1);
    if (how === 'unload') await runtime.unload(guest);
    else if (how === 'close') await runtime.close();
    else if (how === 'revoke') runtime.revoke(guest, grant);
    else if (how === 'replace') await runtime.replace(guest, component);
    else {
      fails = true;
      // The guest traps right behind the wait, because there was no answer.
      await expect(runtime.call(guest, 'fetch', at, 1)).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
      await expect.poll(() => runtime.state(guest), polled).toBe('ready');
      fails = false;
      await runtime.call(guest, 'fetch', at, 1);
      expect(await open()).toBe(1);
      return;
    }
    await expect.poll(open, polled).toBe(0);
    if (how === 'revoke') await expect(runtime.call(guest, 'fetch', at, 1)).rejects.toThrow();
  });
});

/** How far a server has come with its second answer when the guest is ended. The guest waits once at each point. */
const POINTS: Readonly<Record<string, Handle>> = {
  'for the head': () => {},
  'for the body': (_, response) => {
    response.writeHead(200, { 'content-length': 10 });
    response.flushHeaders();
  },
  'within the body': (_, response) => {
    response.writeHead(200, { 'content-length': 10 });
    response.write('half');
  },
  'for the end of the body': (_, response) => void response.write('all'),
};

describe('a turn that waits for an answer over HTTP', () => {
  it.each(
    Object.keys(POINTS).flatMap((point) =>
      (['unload', 'time', 'caller', 'server'] as const).map((end) => [point, end] as const),
    ),
  )('%s is ended by %s, and nothing of it is left', async (point, end) => {
    const clock = new TestClock();
    let second: ServerResponse | undefined;
    let isEnded = false;
    const { runtime, load, at, open, used } = await scene((request, response) => {
      if (used.length === 1) return void response.end('hello');
      // The request is sent again where the connection of the first one ended before the head.
      if (isEnded) return void response.destroy();
      second = response;
      POINTS[point]?.(request, response);
    }, clock);
    const guest = await load({ store: 'per-call', cancel: 'turn' });
    const giving = new AbortController();
    const call = runtime.call(guest, { name: 'fetch', signal: giving.signal }, at, 2);
    const outcome = call.then(
      () => 'answered',
      ({ code }: { code: string }) => code,
    );
    await expect.poll(() => used, polled).toHaveLength(2);
    if (end === 'unload') await runtime.unload(guest);
    else if (end === 'time') clock.advance(30_000);
    else if (end === 'caller') giving.abort();
    else {
      isEnded = true;
      second?.destroy();
    }
    const ends = { unload: /ABORTED|NOT_FOUND/, time: /TIMEOUT/, caller: /ABORTED/, server: /TRAP|answered/ };
    expect(await outcome).toMatch(ends[end]);
    await expect.poll(open, polled).toBe(0);
    if (end === 'unload') return;
    isEnded = false;
    used.length = 0;
    expect(await runtime.call(guest, 'fetch', at, 1)).toBe(5);
  });
});
