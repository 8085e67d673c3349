// Spans of the methods of our resources: files, sockets and whatever waits.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createRuntime, type OpenSpan, type RuntimeOptions, type Tracer } from '../../src/index.ts';
import { recordedSpans } from '../support/recorded-spans.ts';
import { loadGuest, wasiGuest } from '../support/wasi-guest.ts';

const RUST = new URL('../toolchains/components/rust3.wasm', import.meta.url).pathname;

let component: Uint8Array;
beforeAll(async () => {
  component = await wasiGuest();
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'vivarium-traced-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  writeFileSync(join(made, 'a.txt'), 'content');
  return made;
}

/** A server that says a word to each client and ends, or says nothing, and the grant to connect to it. */
async function server(word?: string) {
  const sockets: Socket[] = [];
  const made = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    if (word !== undefined) socket.end(word);
  });
  await new Promise<void>((resolve) => void made.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    made.close();
  });
  const { port } = made.address() as AddressInfo;
  const remote = `{ tag: 'ipv4', val: { port: ${port}, address: [127, 0, 0, 1] } }`;
  const say = async (): Promise<void> => {
    await expect.poll(() => sockets.length).toBe(1);
    sockets[0]?.write('hello');
  };
  return { port, remote, say, grant: `network:connect:tcp://127.0.0.1:${port}` };
}

describe.each(['direct', 'glue'] as const)('a method on the %s path', (calls) => {
  async function scene(options: RuntimeOptions, grants: readonly string[] = []) {
    const load = { preopens: { '/data': folder() }, grants: ['filesystem:*:/data/**', ...grants] };
    const guest = await loadGuest(component, calls, load, options);
    onTestFinished(() => guest.runtime.close());
    expect(guest.runtime.usage(guest.handle).calls).toBe(calls);
    return guest;
  }

  async function traced(grants: readonly string[] = []) {
    const spans = await recordedSpans();
    const guest = await scene({ overrides: { tracer: spans.tracer } }, grants);
    spans.forget();
    return { ...guest, ...spans };
  }

  it('that reaches the disk is a span below its turn, with the path', async () => {
    const { value, one, all } = await traced();
    expect(await value('return api.text(api.open("a.txt").read(100, 0)[0])')).toBe('content');
    const turn = one('turn demo/wasi/1');
    const opened = one('wasi:filesystem/types#[method]descriptor.open-at');
    const read = one('wasi:filesystem/types#[method]descriptor.read');
    for (const span of [opened, read]) expect(span).toMatchObject({ parent: turn.spanId, failed: false });
    expect(all()).toHaveLength(3);
    // jco's glue does not show what it passes on.
    if (calls === 'direct') expect(opened.attributes).toEqual({ 'file.path': 'a.txt' });
  });

  it('that fails is a span that fails, and the guest gets its error', async () => {
    const { step, one } = await traced();
    expect(await step('api.open("nowhere.txt")')).toMatchObject({ err: 'no-entry' });
    expect(one('wasi:filesystem/types#[method]descriptor.open-at').failed).toBe(true);
  });

  it('that asks a descriptor for what it knows is none', async () => {
    const { value, all } = await traced();
    await value('api.root().getType(); api.root().getFlags();');
    expect(all().map(({ name }) => name)).toEqual(['turn demo/wasi/1']);
  });

  it('that connects says where to', async () => {
    const { remote, grant, port } = await server('hello');
    const { step, one } = await traced([grant]);
    await step(`kept.socket = api.createTcpSocket('ipv4'); kept.socket.startConnect(api.instanceNetwork(), ${remote})`);
    const span = one('wasi:sockets/tcp#[method]tcp-socket.start-connect');
    expect(span).toMatchObject({ kind: 2, failed: false });
    const attributes = { 'network.peer.address': '127.0.0.1', 'network.peer.port': port };
    if (calls === 'direct') expect(span.attributes).toEqual(attributes);
  });

  it('is none for a sampler that drops the turn, and none in a runtime without a tracer beside one with it', async () => {
    const { all } = await traced();
    const plain = await scene({});
    expect(await plain.value('return api.text(api.open("a.txt").read(100, 0)[0])')).toBe('content');
    expect(all()).toEqual([]);
  });
});

describe('a method that waits', () => {
  async function scene() {
    const spans = await recordedSpans();
    const { remote, grant, say } = await server();
    const guest = await loadGuest(component, 'direct', { grants: [grant] }, { overrides: { tracer: spans.tracer } });
    onTestFinished(() => guest.runtime.close());
    await guest.value(`kept.socket = api.createTcpSocket('ipv4');
      kept.socket.startConnect(api.instanceNetwork(), ${remote}); kept.socket.subscribe().block();
      [kept.input, kept.output] = kept.socket.finishConnect()`);
    spans.forget();
    return { ...guest, ...spans, say };
  }
  const BLOCK = 'wasi:io/poll#[method]pollable.block';

  it('is a span for the time that it waits, below its turn', async () => {
    const { runtime, handle, value, one, say } = await scene();
    const waits = value('kept.input.subscribe().block()');
    await expect.poll(() => runtime.state(handle)).toBe('waiting');
    await say();
    await waits;
    expect(one(BLOCK)).toMatchObject({ parent: one('turn demo/wasi/1').spanId, failed: false });
  });

  it('is none where it does not wait', async () => {
    const { value, all } = await scene();
    await value('kept.socket.subscribe().block()');
    expect(all().map(({ name }) => name)).toEqual(['turn demo/wasi/1']);
  });

  it('ends with its store', async () => {
    const { runtime, handle, step, all } = await scene();
    const ended = expect(step('kept.input.blockingRead(10)')).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
    await expect.poll(() => runtime.state(handle)).toBe('waiting');
    const read = (): number => all().filter(({ name }) => name.endsWith('input-stream.blocking-read')).length;
    expect(read()).toBe(0);
    await runtime.unload(handle);
    await ended;
    await expect.poll(read).toBe(1);
  });
});

describe('methods of WASI 0.3', () => {
  it('are spans that last until the guest has their answer', async () => {
    const spans = await recordedSpans();
    const runtime = await createRuntime({
      limits: { maxExecutionTimeMs: 60_000, maxStartTimeMs: 60_000 },
      overrides: { tracer: spans.tracer },
    });
    onTestFinished(() => runtime.close());
    const { port } = await server('hello');
    const stdout = new PassThrough();
    const args = ['tool', 'receives', String(port)];
    const grants = ['network:*:tcp://127.0.0.1:*', 'filesystem:*:/data', 'filesystem:*:/data/**'];
    await runtime.run(RUST, { args, grants, preopens: { '/data': folder() }, stdout });
    stdout.end();
    const connect = spans.one('wasi:sockets/types#[method]tcp-socket.connect');
    expect(connect).toMatchObject({
      failed: false,
      attributes: { 'network.peer.address': '127.0.0.1', 'network.peer.port': port },
    });
  });

  it('fail as the call does, also after they have waited', async () => {
    const spans = await recordedSpans();
    const runtime = await createRuntime({
      limits: { maxExecutionTimeMs: 60_000, maxStartTimeMs: 60_000 },
      overrides: { tracer: spans.tracer },
    });
    onTestFinished(() => runtime.close());
    const closed = createServer();
    await new Promise<void>((resolve) => void closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => void closed.close(resolve));
    const args = ['tool', 'receives', String(port)];
    await runtime.run(RUST, { args, grants: ['network:*:tcp://127.0.0.1:*'] }).catch(() => {});
    expect(spans.one('wasi:sockets/types#[method]tcp-socket.connect').failed).toBe(true);
  });
});

describe('a tracer that fails at everything', () => {
  const broken = (): never => {
    throw new Error('no more spans');
  };
  const span = { begin: broken, run: broken, end: broken } as unknown as OpenSpan;
  const tracers: Readonly<Record<string, Tracer>> = {
    'where a span begins': { begin: broken },
    'of whose spans nothing works': { begin: () => span },
  };

  it.each(Object.keys(tracers))('%s fails no call, and is warned of once', async (name) => {
    const tracer = tracers[name] as Tracer;
    const load = { preopens: { '/data': folder() }, grants: ['filesystem:*:/data/**'] };
    const guest = await loadGuest(component, 'direct', load, { overrides: { tracer } });
    onTestFinished(() => guest.runtime.close());
    const warnings: string[] = [];
    guest.runtime.on('warning', ({ message }) => void warnings.push(message));
    expect(await guest.value('return api.text(api.open("a.txt").read(100, 0)[0])')).toBe('content');
    expect(await guest.step('api.open("nowhere.txt")')).toMatchObject({ err: 'no-entry' });
    expect(warnings).toEqual(['the tracer failed, and spans are missing: no more spans']);
  });
});
