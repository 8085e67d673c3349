import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Utf8Decoder } from '../../src/guest/globals/utf8-decoder.ts';

const NAMES = ['structuredClone', 'Headers', 'Request', 'Response', 'Event', 'EventTarget', 'AbortController'] as const;
type Web = Pick<typeof globalThis, (typeof NAMES)[number] | 'AbortSignal' | 'URL' | 'URLSearchParams'>;
const webOf = (): Web => ({
  structuredClone,
  Headers,
  Request,
  Response,
  Event,
  EventTarget,
  AbortController,
  AbortSignal,
  URL,
  URLSearchParams,
});
const own = webOf();
await import('../../src/guest/globals/structured-clone.ts');
await import('../../src/guest/globals/headers.ts');
await import('../../src/guest/globals/events.ts');
await import('../../src/guest/globals/messages.ts');
const guest = webOf();
Object.assign(globalThis, own);

const bytes = fc.array(
  fc.oneof(fc.constantFrom(0xed, 0xf0, 0xf4, 0xe0, 0xc0, 0x80, 0x9f, 0xbf, 0xef, 0xbb), fc.nat(255)),
  {
    maxLength: 24,
  },
);

describe('what a guest has of the web, compared with Node', () => {
  it('decodes UTF-8, in parts and whole, malformed or not', () => {
    fc.assert(
      fc.property(bytes, fc.nat(24), fc.boolean(), (all, at, ignoreBOM) => {
        const [first, second] = [Uint8Array.from(all.slice(0, at)), Uint8Array.from(all.slice(at))];
        const node = new TextDecoder('utf-8', { ignoreBOM });
        const decoder = new Utf8Decoder(false, ignoreBOM);
        expect(decoder.decode(first, true) + decoder.decode(second, false)).toBe(
          node.decode(first, { stream: true }) + node.decode(second),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('clones what Node clones, and refuses what Node refuses', () => {
    const arbitrary = fc.anything({
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withBigInt: true,
    });
    fc.assert(
      fc.property(arbitrary, (value) => {
        expect(guest.structuredClone(value)).toEqual(own.structuredClone(value));
      }),
      { numRuns: 300 },
    );
    const circle: Record<string, unknown> = { error: new TypeError('x', { cause: /a/g }), twice: new ArrayBuffer(2) };
    circle.self = circle;
    circle.view = new Uint16Array(circle.twice as ArrayBuffer);
    const copy = guest.structuredClone(circle) as typeof circle;
    expect(copy).toEqual(own.structuredClone(circle));
    expect((copy.view as Uint16Array).buffer).toBe(copy.twice);
    for (const value of [() => {}, Symbol('s'), { deep: [Promise.resolve()] }]) {
      expect(() => guest.structuredClone(value)).toThrow(expect.objectContaining({ name: 'DataCloneError' }));
    }
  });

  it('keeps headers as Node does', () => {
    const name = fc.constantFrom('A', 'a', 'b-c', 'Set-Cookie', 'x');
    const pairs = fc.array(fc.tuple(name, fc.string({ unit: 'grapheme-ascii', maxLength: 8 })), { maxLength: 8 });
    fc.assert(
      fc.property(pairs, name, (given, removed) => {
        const [mine, theirs] = [new guest.Headers(given), new own.Headers(given)];
        expect([...mine]).toEqual([...theirs]);
        for (const each of [mine, theirs]) each.delete(removed);
        expect([...mine.keys()]).toEqual([...theirs.keys()]);
        expect(mine.get('a')).toBe(theirs.get('a'));
      }),
    );
    expect(() => new guest.Headers([['a b', 'x']])).toThrow(TypeError);
    expect(() => new guest.Headers([['a', 'x\ny']])).toThrow(TypeError);
  });

  it.each<readonly [string, (web: Web) => unknown]>([
    ['a list of headers that are no pairs', ({ Headers }) => new Headers([['a']] as never)],
    ['a method that is no token', ({ Request }) => new Request('http://h', { method: 'a b' })],
    ['a body of a status without one', ({ Response }) => new Response('x', { status: 204 })],
    ['a status below 200', ({ Response }) => new Response(null, { status: 199 })],
    ['a status text of two lines', ({ Response }) => new Response(null, { statusText: 'a\nb' })],
    ['JSON of undefined', ({ Response }) => Response.json(undefined)],
    ['an event without a type', ({ Event }) => new (Event as unknown as new () => Event)()],
    ['an event that is none', ({ EventTarget }) => new EventTarget().dispatchEvent({ type: 'x' } as Event)],
    ['a clone of headers', (web) => web.structuredClone(new web.Headers())],
  ])('refuses %s, as Node does', (_, make) => {
    const thrownBy = (web: Web): unknown => {
      try {
        return make(web);
      } catch (error) {
        return (error as Error).name;
      }
    };
    expect(thrownBy(guest)).toBe(thrownBy(own));
  });

  it.each<readonly [string, (web: Web) => unknown]>([
    ['a signal of a request that was given none', ({ Request }) => new Request('http://h').signal.aborted],
    [
      'the method as it is written',
      ({ Request }) => ['get', 'purge'].map((method) => new Request('http://h', { method }).method),
    ],
    ['the error response', ({ Response }) => [Response.error().status, Response.error().type, Response.error().ok]],
    ['a number as a body', async ({ Response }) => await new Response(5 as never).text()],
    [
      'the statuses without a body',
      ({ Response }) => [204, 205, 304].map((status) => new Response(null, { status }).body),
    ],
    ['tags', (web) => [new web.Headers(), new web.Response(), new web.AbortController().signal].map(String)],
    ['names', (web) => NAMES.map((name) => web[name].name)],
    [
      'listeners that others remove',
      ({ Event, EventTarget }) => {
        const [target, seen] = [new EventTarget(), [] as string[]];
        const second = (): unknown => seen.push('second');
        target.addEventListener('x', () => target.removeEventListener('x', second));
        target.addEventListener('x', second);
        target.dispatchEvent(new Event('x'));
        return seen;
      },
    ],
  ])('knows %s, as Node does', async (_, ask) => {
    expect(await ask(guest)).toEqual(await ask(own));
  });

  it('tells all listeners of an abort, whatever one throws, and reports that', async () => {
    const seen: unknown[] = [];
    const unhandled = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    const reported = new Promise((resolve) => process.once('unhandledRejection', resolve));
    try {
      const controller = new guest.AbortController();
      controller.signal.addEventListener('abort', () => {
        throw new RangeError('no');
      });
      controller.signal.addEventListener('abort', () => seen.push('told'));
      controller.abort();
      expect(seen).toEqual(['told']);
      expect(await reported).toEqual(new RangeError('no'));
    } finally {
      for (const listener of unhandled) process.on('unhandledRejection', listener);
    }
  });
});
