import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ByteSource } from '../../src/guest/globals/byte-source.ts';
import type { ReadableStream as Stream } from '../../src/guest/globals/readable-stream.ts';

// The modules put what a guest has in the place of the globals, which the runner of the tests still needs.
const { ReadableStream, Request, Response, URL, URLSearchParams, Headers } = globalThis;
await import('../../src/guest/globals/body-streams.ts');
const guest = await import('../../src/guest/globals/messages.ts');
const { ReadableStream: GuestStream } = await import('../../src/guest/globals/readable-stream.ts');
const { collect, split } = await import('../../src/guest/globals/byte-source.ts');
Object.assign(globalThis, { ReadableStream, Request, Response, URL, URLSearchParams, Headers });

type GuestRequest = InstanceType<typeof guest.Request>;
type Message = GuestRequest | InstanceType<typeof guest.Response>;
type Chunks = AsyncIterable<Uint8Array>;

async function chunksOf(stream: Chunks | null): Promise<number[]> {
  const bytes: number[] = [];
  for await (const chunk of stream as Chunks) bytes.push(...chunk);
  return bytes;
}

async function bytesOf(message: Message): Promise<number[]> {
  return [...(await message.bytes())];
}

/** The bytes of all sides, which are read at once, so that each meets what another has read. */
async function each(...sides: readonly Promise<number[]>[]): Promise<number[][]> {
  return Promise.all(sides);
}

const request = (body: Stream): GuestRequest => new guest.Request('http://example.org/', { method: 'POST', body });

/** The stream of the body of a request that was made from another. */
const passedOn = (stream: Stream): Stream => new guest.Request(request(stream)).body as Stream;

/** Each way in which a guest, or the code that sends its bodies on, can read a body that is a stream of the guest. */
const ways: Record<string, (stream: Stream) => Promise<number[][]>> = {
  body: async (stream) => each(chunksOf(new guest.Response(stream).body)),
  bytes: async (stream) => each(bytesOf(new guest.Response(stream))),
  arrayBuffer: async (stream) => [[...new Uint8Array(await new guest.Response(stream).arrayBuffer())]],
  text: async (stream) => [[...(await new guest.Response(stream).text())].map((letter) => letter.charCodeAt(0))],
  'the source that is sent': async (stream) => [
    [...(await collect(guest.takeBody(new guest.Response(stream)) as ByteSource))],
  ],
  'both sources of one that is split': async (stream) => {
    const sides = split(guest.takeBody(new guest.Response(stream)) as ByteSource);
    return Promise.all(sides.map(async (side) => [...(await collect(side))]));
  },
  'a clone and what was cloned, as streams': async (stream) => {
    const response = new guest.Response(stream);
    return each(chunksOf(response.clone().body), chunksOf(response.body));
  },
  'a clone and what was cloned, whole and as a stream': async (stream) => {
    const first = request(stream);
    return each(bytesOf(first.clone()), chunksOf(first.body));
  },
  'a clone of a clone': async (stream) => {
    const response = new guest.Response(stream);
    const clone = response.clone();
    return each(chunksOf(clone.clone().body), bytesOf(clone), chunksOf(response.body));
  },
  'a request made from another, as a stream': async (stream) => each(chunksOf(passedOn(stream))),
  'a request made from another, whole': async (stream) => each(bytesOf(new guest.Request(request(stream)))),
  'the body of another as a body': async (stream) => each(chunksOf(new guest.Response(passedOn(stream)).clone().body)),
  'both branches of tee': async (stream) => {
    const [one, two] = passedOn(stream).tee();
    return each(chunksOf(one), chunksOf(two));
  },
};

const portions = fc.array(
  fc.oneof(fc.constant<number[]>([]), fc.array(fc.integer({ min: 0, max: 127 }), { maxLength: 4 })),
  {
    maxLength: 8,
  },
);

/** A stream of the portions that gives them when it is asked, or has them all from the start. */
function streamOf(all: readonly number[][], isAsked: boolean): Stream {
  const chunks: Uint8Array[] = all.map((portion) => Uint8Array.from(portion));
  if (isAsked) return GuestStream.from(chunks);
  return new GuestStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

describe.each(Object.entries(ways))('a body that is read by %s', (_, read) => {
  it('arrives whole, whatever portions it came in, empty ones among them', async () => {
    await fc.assert(
      fc.asyncProperty(portions, fc.boolean(), async (all, isAsked) => {
        for (const side of await read(streamOf(all, isAsked))) expect(side).toEqual(all.flat());
      }),
      {
        numRuns: 50,
        examples: [
          [[[1, 2], [], [3, 4]], false],
          [[[], []], true],
        ],
      },
    );
  });
});

describe('a body that is not a stream', () => {
  it.each([[''], ['text']])('is read as a stream: %j', async (body) => {
    const bytes = [...body].map((letter) => letter.charCodeAt(0));
    expect(await chunksOf(new guest.Response(body).body)).toEqual(bytes);
    expect(await chunksOf(new guest.Response(body).clone().body)).toEqual(bytes);
  });
});
