// Standard input and output that the embedder gives, under back-pressure both ways; and lines of the log where it gives none.
import { Readable, Writable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ComponentHandle, createRuntime, type LoadOptions, type Runtime } from '../../../src/index.ts';
import { pipingGuest } from '../../support/piping-guest.ts';

let component: Uint8Array;
let runtime: Runtime;
beforeAll(async () => {
  component = await pipingGuest();
  runtime = await createRuntime({ limits: { maxExecutionTimeMs: 60_000 } });
});
afterAll(() => runtime.close());

/** Takes one piece after the other, each when it is let. */
class Slow extends Writable {
  readonly taken: Buffer[] = [];
  #next: (() => void) | undefined;
  isOpen = true;

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.taken.push(chunk);
    if (this.isOpen) done();
    else this.#next = done;
  }

  open(): void {
    this.isOpen = true;
    this.#next?.();
  }

  get text(): string {
    return Buffer.concat(this.taken).toString('latin1');
  }
}

const load = (options: LoadOptions): Promise<ComponentHandle> => runtime.load(component, options);

async function waits(handle: ComponentHandle): Promise<void> {
  await expect.poll(() => runtime.state(handle), { interval: 1 }).toBe('waiting');
}

async function* pieces(...all: readonly (Uint8Array | string)[]): AsyncGenerator<Uint8Array | string> {
  for (const piece of all) {
    await new Promise(setImmediate);
    yield piece;
  }
}

const web = (text: string): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from(text));
      controller.close();
    },
  });

describe('standard input and output', () => {
  const texts: [string, () => LoadOptions['stdin']][] = [
    ['a text', () => 'hello'],
    ['bytes', () => Buffer.from('hello')],
    ['an iterable', () => pieces('he', '', Buffer.from('llo'))],
    ['a stream of Node', () => Readable.from([Buffer.from('he'), Buffer.from('llo')], { objectMode: false })],
    ['a stream of texts', () => Readable.from(['he', 'llo'])],
    ['a stream of the web', () => web('hello')],
  ];
  it.each(texts)('are copied by a guest: %s', async (_, source) => {
    for (const how of ['cat', 'splice']) {
      const stdout = new Slow();
      const stdin = source();
      const handle = await load({ stdin, stdout });
      expect(await runtime.call(handle, how)).toBe(5n);
      expect(stdout.text).toBe('hello');
      expect(await runtime.call(handle, how)).toBe(0n);
      await runtime.unload(handle);
    }
  });

  it('are copied to a stream of the web', async () => {
    let text = '';
    const stdout = new WritableStream<Uint8Array>({
      write(bytes) {
        text += Buffer.from(bytes).toString();
      },
    });
    const handle = await load({ stdin: 'hello', stdout });
    await runtime.call(handle, 'cat');
    await runtime.unload(handle);
    expect(text).toBe('hello');
  });

  it('keep every byte, whatever the pieces and however slowly they are taken', async () => {
    const bytes = fc.array(fc.uint8Array({ maxLength: 10_000 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(bytes, fc.constantFrom('cat', 'splice'), fc.boolean(), async (all, how, isOpen) => {
        const stdout = new Slow({ highWaterMark: 1 });
        stdout.isOpen = isOpen;
        const handle = await load({ stdin: pieces(...all), stdout });
        const copied = runtime.call(handle, how);
        for (let i = 0; i < 10; i++) await new Promise(setImmediate);
        stdout.open();
        expect(await copied).toBe(BigInt(Buffer.concat(all).length));
        await runtime.unload(handle);
        expect(Buffer.concat(stdout.taken).equals(Buffer.concat(all))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('end where the last bytes are read after the end has come', async () => {
    const stdin = new Readable({ read: () => {} });
    stdin.push('the end');
    stdin.push(null);
    const handle = await load({ stdin, stdout: new Slow() });
    expect(await runtime.call(handle, 'cat')).toBe(7n);
    await runtime.unload(handle);
  });

  it('make a turn wait for what has not come', async () => {
    const stdin = new Readable({ read: () => {} });
    const stdout = new Slow();
    const handle = await load({ stdin, stdout });
    const copied = runtime.call(handle, 'cat');
    for (const piece of ['one ', 'two ', 'three']) {
      await waits(handle);
      stdin.push(piece);
      await expect.poll(() => stdout.text, { interval: 1 }).toContain(piece);
    }
    stdin.push(null);
    expect(await copied).toBe(13n);
    await runtime.unload(handle);
  });

  it('take no more than is taken from them', async () => {
    let given = 0;
    const stdin = (async function* () {
      for (; given < 1_000; given++) yield Buffer.alloc(4_096);
    })();
    const stdout = new Slow();
    stdout.isOpen = false;
    const handle = await load({ stdin, stdout });
    const copied = runtime.call(handle, 'cat');
    await waits(handle);
    // What the two streams keep, and the piece on its way.
    expect(given).toBeLessThan(64);
    stdout.open();
    expect(await copied).toBe(4_096_000n);
    await runtime.unload(handle);
  });

  it('tell the guest that they failed, and nothing of the reason', async () => {
    const stdin = (async function* () {
      yield 'ab';
      throw new Error('secret');
    })();
    const handle = await load({ stdin, stdout: new Slow() });
    expect(await runtime.call(handle, 'cat')).toBe(1_000_002n);
    await runtime.unload(handle);
    const stdout = new Slow();
    const closed = await load({ stdin: pieces('ab', 'cd'), stdout });
    stdout.destroy(new Error('nobody reads'));
    await new Promise(setImmediate);
    expect(await runtime.call(closed, 'cat')).toBe(2_000_000n);
    await runtime.unload(closed);
  });

  it('fail where what comes is no bytes', async () => {
    const stdin = (async function* () {
      yield { not: 'bytes' };
    })() as unknown as AsyncIterable<Uint8Array>;
    const handle = await load({ stdin, stdout: new Slow() });
    expect(await runtime.call(handle, 'cat')).toBe(1_000_000n);
    await runtime.unload(handle);
  });

  it('are left as they are when the component goes, and iterables are told', async () => {
    const stdin = new Readable({ read: () => {} });
    const stdout = new Slow();
    const listeners = (stream: Readable | Writable): number =>
      stream.eventNames().reduce((sum, name) => sum + stream.listenerCount(name), 0);
    const before = [listeners(stdin), listeners(stdout)];
    for (let i = 0; i < 3; i++) {
      const handle = await load({ stdin, stdout, stderr: stdout });
      const ended = expect(runtime.call(handle, 'cat')).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
      await waits(handle);
      await runtime.unload(handle);
      await ended;
    }
    expect([listeners(stdin), listeners(stdout)]).toEqual(before);
    expect([stdin.destroyed, stdout.destroyed]).toEqual([false, false]);
    let told = false;
    const iterable = {
      [Symbol.asyncIterator]: () => ({
        next: () =>
          new Promise<IteratorResult<Uint8Array>>((resolve) =>
            setImmediate(resolve, { done: false, value: Buffer.from('x') }),
          ),
        return: async () => {
          told = true;
          return { done: true as const, value: undefined };
        },
      }),
    };
    const handle = await load({ stdin: iterable, stdout });
    const ended = expect(runtime.call(handle, 'cat')).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
    await waits(handle);
    await runtime.unload(handle);
    await ended;
    await expect.poll(() => told).toBe(true);
  });

  it.each([0, 1, 2, 3])('may be cancelled at every point at which the guest waits: read %i', async (reads) => {
    for (const writes of [false, true]) {
      const stdin = new Readable({ read: () => {} });
      const stdout = new Slow();
      const handle = await load({ stdin, stdout });
      const ended = expect(runtime.call(handle, 'cat')).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
      for (let i = 0; i < reads; i++) {
        await waits(handle);
        stdin.push('x');
        await expect.poll(() => stdout.text, { interval: 1 }).toBe('x'.repeat(i + 1));
      }
      await waits(handle);
      stdout.isOpen = !writes;
      if (writes) {
        stdin.push('x');
        await expect.poll(() => stdout.taken.length, { interval: 1 }).toBe(reads + 1);
      }
      await waits(handle);
      await runtime.unload(handle);
      await ended;
      stdout.open();
      stdin.push('y');
      await new Promise(setImmediate);
      expect(stdout.text).toBe('x'.repeat(writes ? reads + 1 : reads));
    }
  });

  it('end at once where none are given', async () => {
    const handle = await load({});
    expect(await runtime.call(handle, 'cat')).toBe(0n);
    await runtime.unload(handle);
  });

  it.each([{ stdin: 7 }, { stdin: ['x'] }, { stdout: {} }, { stderr: 'x' }])('must be streams: %o', async (options) => {
    await expect(load(options as unknown as LoadOptions)).rejects.toMatchObject({ code: 'CORE_INVALID_OPTION' });
  });
});

describe('lines of the log', () => {
  const logged: string[] = [];
  beforeAll(() => {
    runtime.on('log', ({ channel, message }) => void (channel === 'stdout' && logged.push(message)));
  });

  it.each<[string, number, readonly string[]]>([
    ['whole\n', 2, ['whole', 'whole']],
    ['ab', 3, ['ababab']],
    ['a\nb', 2, ['a', 'ba', 'b']],
    ['\n', 2, ['', '']],
  ])('are lines, however they are flushed, and what is left when the turn ends: %j', async (text, times, lines) => {
    const handle = await load({});
    logged.length = 0;
    await runtime.call(handle, 'print', text, times);
    expect(logged).toEqual(lines);
    await runtime.unload(handle);
  });

  it('have what is left when the turn fails', async () => {
    const handle = await load({});
    logged.length = 0;
    await expect(runtime.call(handle, 'failing', 'last words')).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
    expect(logged).toEqual(['last words']);
    await runtime.unload(handle);
  });
});
