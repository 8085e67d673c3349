// WASI 0.3 by a guest in Rust that is careless or means harm, and what it prints. `test/toolchains` compares the rest with wasmtime.
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ComponentHandle, createRuntime, type LoadOptions, type Runtime } from '../../../src/index.ts';
import { inspectComponent } from '../../../src/system/operations/index.ts';
import { TestClock } from '../../../src/testing/index.ts';

const COMPONENT = new URL('../../toolchains/components/rust3.wasm', import.meta.url).pathname;
const RUN = 'wasi:cli/run@0.3.0#run';

let runtime: Runtime;
let folder: string;
beforeAll(async () => {
  runtime = await createRuntime({ limits: { maxExecutionTimeMs: 60_000, maxStartTimeMs: 60_000 } });
});
afterAll(() => runtime.close());
beforeEach(() => {
  const around = mkdtempSync(join(tmpdir(), 'vivarium-wasi3-'));
  folder = join(around, 'data');
  mkdirSync(folder);
  writeFileSync(join(around, 'secret.txt'), 'secret');
  writeFileSync(join(folder, 'there.txt'), 'there');
  symlinkSync('there.txt', join(folder, 'link'));
  symlinkSync('../secret.txt', join(folder, 'up'));
  symlinkSync('inside/../../secret.txt', join(folder, 'out'));
  symlinkSync('/etc/hostname', join(folder, 'absolute'));
  symlinkSync('loop', join(folder, 'loop'));
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

interface Ran {
  readonly code: number;
  readonly out: string;
}

const options = (args: readonly (string | number)[]): LoadOptions => ({
  args: ['tool', ...args.map(String)],
  preopens: { '/data': folder },
  grants: ['filesystem:*:/data', 'filesystem:*:/data/**', 'network:*:tcp://127.0.0.1:*'],
});

async function run(args: readonly (string | number)[], more: LoadOptions = {}): Promise<Ran> {
  const stdout = new PassThrough();
  const printed = stdout.toArray();
  const code = await runtime.run(COMPONENT, { ...options(args), stdout, ...more }).finally(() => stdout.end());
  return { code, out: Buffer.concat(await printed).toString() };
}

/** A server on a free port of loopback, closed with its connections when the test has ended. */
async function server(came: (socket: Socket) => void): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets: Socket[] = [];
  const made: Server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    came(socket);
  });
  made.listen(0, '127.0.0.1');
  await once(made, 'listening');
  return {
    port: (made.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      made.close();
      await once(made, 'close');
    },
  };
}

describe('a command of WASI 0.3', () => {
  it('is told from other components, and imports nothing that is missing', async () => {
    const { world, imports } = await inspectComponent(readFileSync(COMPONENT));
    expect(world).toBe('wasi:cli/command');
    expect([...new Set(imports.map(({ status }) => status))]).toEqual(['wasi']);
  });
});

describe('streams of WASI 0.3', () => {
  it.each(['hoard', 'promise'])('that nobody reads or writes are charged: %s', async (scenario) => {
    expect(await run([scenario, 100])).toEqual({ code: 0, out: '100\n' });
    await expect(run([scenario, 20_000])).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
  });

  it('that a guest drops at any point leave nothing', async () => {
    // What each round leaves would be too much for the store after a part of them.
    expect(await run(['drops', 3_000])).toEqual({ code: 0, out: 'dropped\n' });
    expect(readFileSync(join(folder, 'there.txt'), 'utf8')).toBe('there');
  });

  it('that list a folder are closed where a guest drops them, and are bounded in number', async () => {
    expect(await run(['listings', 100])).toEqual({ code: 0, out: 'true\nErr(ErrorCode::InsufficientMemory)\n' });
  });

  it('tell a writer that the host reads no more, and outlive the file that they are of', async () => {
    const out = '5 Err(ErrorCode::BadDescriptor)\nthere\nOk(())\n';
    expect(await run(['closed'])).toEqual({ code: 0, out });
  });

  it('go as fast as the output takes them', async () => {
    let most = 0;
    let taken = 0;
    const stdout = new Writable({
      highWaterMark: 1,
      write(chunk: Buffer, _, done) {
        taken += chunk.length;
        most = Math.max(most, this.writableLength);
        setImmediate(done);
      },
    });
    expect(await runtime.run(COMPONENT, { ...options(['floods', 3_000_000]), stdout })).toBe(0);
    expect(taken).toBe(3_000_000);
    expect(most).toBeLessThan(1_000_000);
  });

  it('end with the store that exits while they are open', async () => {
    const stdin = new PassThrough();
    expect(await run(['exits'], { stdin })).toEqual({ code: 3, out: 'before\n' });
    expect(stdin.eventNames()).toEqual(new PassThrough().eventNames());
  });
});

describe('waits of WASI 0.3', () => {
  it('that are given up leave nothing', async () => {
    expect(await run(['race', 45_000])).toEqual({ code: 0, out: 'raced\n' });
  });

  it('for a time that never comes end with the turn', async () => {
    const limits = { maxExecutionTimeMs: 60_000, maxTurnTimeMs: 1_000 };
    await expect(run(['forever'], { limits })).rejects.toMatchObject({ code: 'RUNTIME_TURN_TIMEOUT' });
    const stop = new AbortController();
    const handle = await runtime.load(COMPONENT, { ...options(['forever']), cancel: 'turn' });
    const call = runtime.call(handle, { name: RUN, signal: stop.signal });
    await expect.poll(() => runtime.state(handle)).toBe('waiting');
    stop.abort();
    await expect(call).rejects.toThrow('aborted');
    await runtime.unload(handle);
  });

  it('are measured by the monotonic clock, whatever the other one does', async () => {
    const clock = new TestClock();
    await using timed = await createRuntime({ overrides: { clock }, limits: { maxExecutionTimeMs: 60_000 } });
    const lines: string[] = [];
    timed.on('log', ({ message }) => void lines.push(message));
    const handle = await timed.load(COMPONENT, options(['times']));
    const call = timed.call(handle, RUN);
    await expect.poll(() => timed.state(handle)).toBe('waiting');
    clock.setWall(1_000_000_000_000);
    await clock.during(call);
    const [[first, , second], [, , later]] = [lines, lines].map((all) => all.join(' ').split(' ').map(Number)) as [
      number[],
      number[],
    ];
    expect((second as number) - (first as number)).toBeGreaterThanOrEqual(1_000);
    expect(later).toBe(second);
    expect(lines[1]).toMatch(/ 1000000001$/);
  });
});

describe('paths of WASI 0.3', () => {
  it('do not lead out of the folder', async () => {
    const { out } = await run(['links', '/data']);
    expect(out.split('\n')).toEqual([
      'link Ok("there")',
      ...['up', 'out', 'absolute', 'loop', '../secret.txt', '/etc/hostname'].map((path) => `${path} Err("no")`),
      'true',
      'true',
      'Ok("there.txt")',
      '',
    ]);
  });

  it('need a grant at each use', async () => {
    const { out } = await run(['links', '/data'], { grants: [] });
    expect(out).not.toContain('there")\n');
  });
});

/** A guest that is connected and waits for what comes. */
async function receiving(
  port: number,
): Promise<AsyncDisposable & { readonly handle: ComponentHandle; ended(): Promise<string | undefined> }> {
  const lines: string[] = [];
  const stdout = new Writable({
    write(chunk: Buffer, _, done) {
      lines.push(...chunk.toString().split('\n').slice(0, -1));
      done();
    },
  });
  const handle = await runtime.load(COMPONENT, { ...options(['receives', port]), stdout });
  const call = runtime.call(handle, RUN);
  await expect.poll(() => lines).toEqual(['connected']);
  return {
    handle,
    async ended() {
      await call;
      return lines.at(-1);
    },
    [Symbol.asyncDispose]: () => runtime.unload(handle),
  };
}

describe('sockets of WASI 0.3', () => {
  it('keep a connection for its streams', async () => {
    await using peer = await server((socket) => void socket.end('hello'));
    expect(await run(['receives', peer.port])).toEqual({ code: 0, out: 'connected\nhello Ok(())\n' });
  });

  it('are told of a connection that breaks', async () => {
    const sockets: Socket[] = [];
    await using peer = await server((socket) => void sockets.push(socket));
    await using guest = await receiving(peer.port);
    for (const socket of sockets) socket.resetAndDestroy();
    expect(await guest.ended()).toBe(' Err(ErrorCode::ConnectionReset)');
  });

  it('are told of a revocation while they wait', async () => {
    await using peer = await server(() => {});
    await using guest = await receiving(peer.port);
    expect(runtime.revoke(guest.handle, 'network:*:tcp://127.0.0.1:*')).toBeGreaterThan(0);
    expect(await guest.ended()).toMatch(/Err\(ErrorCode::AccessDenied\)$/);
  });

  it('connect only where it is granted', async () => {
    await using peer = await server(() => expect.unreachable());
    const call = run(['receives', peer.port], { grants: [] });
    await expect(call).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
  });

  it('that listen take a bounded flood', async () => {
    const stdin = new PassThrough();
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    free.close();
    await once(free, 'close');
    const running = run(['flooded', port], { stdin });
    const clients: Socket[] = [];
    const arrive = async (): Promise<boolean> => {
      const client = connect(port, '127.0.0.1').on('error', () => {});
      clients.push(client);
      return Promise.race([once(client, 'connect').then(() => true), once(client, 'close').then(() => false)]);
    };
    await expect.poll(arrive).toBe(true);
    await Promise.all(Array.from({ length: 60 }, arrive));
    stdin.end();
    expect(await running).toEqual({ code: 0, out: 'true\n' });
    for (const client of clients) if (!client.destroyed) await once(client.resume(), 'close');
  });
});
