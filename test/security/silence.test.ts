// How long a request over HTTP waits for a server that says nothing, by the clock of the host.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BytePipe } from '#core/waiting';
import { GuardedNetwork, UnusedConnections } from '#security/access';
import { Authority, CapabilitySet } from '#security/authority';
import { TestClock } from '../../src/testing/clock.ts';

const IDLE_MS = 1_000;
const silent = expect.objectContaining({ message: expect.stringContaining(`no byte in ${IDLE_MS} ms`) });

/** A component that may reach a server which only a test lets speak, under a clock that the test moves. */
async function scene() {
  const asked = Promise.withResolvers<Socket>();
  const tcp = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => asked.resolve(socket));
    onTestFinished(() => void socket.destroy());
  });
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  onTestFinished(() => void tcp.close());
  const at = `http://127.0.0.1:${(tcp.address() as AddressInfo).port}/`;
  const clock = new TestClock();
  const capabilities = CapabilitySet.of([`network:connect:${at.slice(0, -1)}`], clock);
  const network = new GuardedNetwork(
    new Authority({ component: 'demo/a/1', capabilities }),
    new UnusedConnections(clock),
  );
  onTestFinished(() => network.release());
  return { asked: asked.promise, at, clock, network };
}

/** Reads one piece of a body, once it has come. */
async function piece(body: BytePipe): Promise<string | undefined> {
  for (let part = body.read(100); ; part = body.read(100)) {
    if (part === undefined) return undefined;
    if (part.length > 0) return String(Buffer.from(part));
    await body.changed.next();
  }
}

const HEAD = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';

/** A request whose body is complete may use a connection again; one whose body is being written has its own. */
describe.each(['complete', 'being written'] as const)('a request whose body is %s', (how) => {
  const request = (url: string) => (how === 'complete' ? { url } : { url, method: 'POST', body: new BytePipe() });

  it('ends when the server says nothing for the time', async () => {
    const { asked, at, clock, network } = await scene();
    const answer = network.fetch(request(at), { idleMs: IDLE_MS });
    const ended = expect(answer).rejects.toThrow(silent);
    await asked;
    clock.advance(IDLE_MS * 1.25);
    await ended;
  });

  it('ends when the server falls silent within its answer', async () => {
    const { asked, at, clock, network } = await scene();
    const answer = network.fetch(request(at), { idleMs: IDLE_MS });
    (await asked).write(`${HEAD}4\r\nhalf\r\n`);
    const { body, closed } = await answer;
    expect(await piece(body)).toBe('half');
    clock.advance(IDLE_MS * 1.25);
    await expect(piece(body)).rejects.toThrow(silent);
    await closed;
  });

  it('leaves no timer where its answer is not wanted', async () => {
    const { asked, at, clock, network } = await scene();
    const answer = network.fetch(request(at), { idleMs: IDLE_MS });
    (await asked).write(HEAD);
    const { body, closed } = await answer;
    body.cancel();
    await closed;
    expect(clock.waiting).toBe(0);
  });

  it('goes on while something comes within the time, and ends at most a quarter of it late', async () => {
    const waits = fc.array(fc.integer({ min: 1, max: IDLE_MS - 1 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(waits, async (all) => {
        const { asked, at, clock, network } = await scene();
        const answer = network.fetch(request(at), { idleMs: IDLE_MS });
        const server = await asked;
        server.write(HEAD);
        const { body, closed } = await answer;
        for (const ms of all) {
          clock.advance(ms);
          server.write('1\r\nx\r\n');
          expect(await piece(body)).toBe('x');
        }
        clock.advance(IDLE_MS - 1);
        expect(body.ended).toBe(false);
        clock.advance(IDLE_MS / 4 + 1);
        await expect(piece(body)).rejects.toThrow(silent);
        await closed;
        expect(clock.waiting).toBe(0);
      }),
      { numRuns: 20 },
    );
  });
});
