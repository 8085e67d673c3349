import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const own = globalThis.ReadableStream;
await import('../../src/guest/globals/readable-stream.ts');
const Guest = globalThis.ReadableStream;
globalThis.ReadableStream = own;

/** The types of the web that this repository is checked with do not have it. */
type WithFrom = { from<T>(values: AsyncIterable<T> | Iterable<T>): ReadableStream<T> };

type Step = 'enqueue' | 'close' | 'error' | 'read' | 'cancel' | 'release' | 'reader' | 'closed';

const steps = fc.array(
  fc.constantFrom<Step>(
    'enqueue',
    'enqueue',
    'read',
    'read',
    'read',
    'close',
    'error',
    'cancel',
    'release',
    'reader',
    'closed',
  ),
  { maxLength: 16 },
);
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What is observed of a stream while the steps are taken: results by the number of their step, pulls, and room in the queue. */
async function observed(Stream: typeof ReadableStream, taken: readonly Step[], highWaterMark: number, pulls: number) {
  const seen: unknown[] = [];
  let controller!: ReadableStreamDefaultController<number>;
  let pulled = 0;
  const stream = new Stream<number>(
    {
      start: (given) => {
        controller = given;
      },
      pull: (given) => {
        pulled += 1;
        if (pulled <= pulls) given.enqueue(1000 + pulled);
      },
      cancel: (reason) => {
        seen.push(['source cancelled', reason]);
      },
    },
    { highWaterMark },
  );
  let reader = stream.getReader();
  const note = (step: number, promise: Promise<unknown>): void => {
    promise.then(
      (value) => seen.push([step, value]),
      (error) => seen.push([step, error instanceof TypeError ? 'TypeError' : error]),
    );
  };
  const take = (step: Step, index: number): void => {
    if (step === 'enqueue') controller.enqueue(index);
    else if (step === 'close') controller.close();
    else if (step === 'error') controller.error(`failed ${index}`);
    else if (step === 'read') note(index, reader.read());
    else if (step === 'cancel') note(index, reader.cancel(`cancelled ${index}`));
    else if (step === 'closed') note(index, reader.closed);
    else if (step === 'release') reader.releaseLock();
    else reader = stream.getReader();
  };
  await settled();
  for (const [index, step] of taken.entries()) {
    try {
      take(step, index);
    } catch (error) {
      seen.push([index, (error as Error).name]);
    }
    await settled();
    seen.push([controller.desiredSize, pulled, stream.locked]);
  }
  return seen;
}

describe('ReadableStream of a guest', () => {
  it('does what the one of Node does, step by step', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(3), fc.nat(3), async (taken, highWaterMark, pulls) => {
        expect(await observed(Guest, taken, highWaterMark, pulls)).toEqual(
          await observed(own, taken, highWaterMark, pulls),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives both branches of tee all chunks, and cancels its source when both are cancelled', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 12 }), fc.nat(4), async (order, length) => {
        const run = async (Stream: typeof ReadableStream): Promise<unknown> => {
          const seen: unknown[] = [];
          const values = Array.from({ length }, (_, index) => index);
          const branches = (Stream as unknown as WithFrom).from(values).tee();
          const readers = branches.map((branch) => branch.getReader());
          for (const first of order) seen.push([first, await readers[first ? 0 : 1]?.read()]);
          await Promise.all(readers.map((reader) => reader.cancel('enough')));
          return seen;
        };
        expect(await run(Guest)).toEqual(await run(own));
      }),
      { numRuns: 100 },
    );
  });

  it('is read by a loop, which cancels it when it is left', async () => {
    const reasons: unknown[] = [];
    const make = (): ReadableStream<number> =>
      new Guest<number>({
        pull: (controller) => controller.enqueue(1),
        cancel: (reason) => void reasons.push(reason),
      });
    for await (const chunk of make()) {
      expect(chunk).toBe(1);
      break;
    }
    const kept = make();
    for await (const _ of kept.values({ preventCancel: true })) break;
    expect([reasons, kept.locked]).toEqual([[undefined], false]);
    expect(await Array.fromAsync((Guest as unknown as WithFrom).from(['a', Promise.resolve('b')]))).toEqual(['a', 'b']);
  });

  it.each([
    ['pipeTo', (stream: ReadableStream) => stream.pipeTo],
    ['pipeThrough', (stream: ReadableStream) => stream.pipeThrough],
    ['bytes', () => new Guest({ type: 'bytes' })],
    ['byob', (stream: ReadableStream) => stream.getReader({ mode: 'byob' })],
  ])('says by name that it has no %s', (name, use) => {
    expect(() => use(new Guest())).toThrow(name);
  });
});
