// Bodies that are needed whole, and what they may take together.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Refused, WholeBodies } from '../../../src/server/management/body.ts';

const bodyOf = (body: BodyInit): Request =>
  new Request('http://a/', { method: 'POST', body, duplex: 'half' } as RequestInit);
const status = (error: unknown): unknown => (error as Refused).response.status;

it('bodies count from their first byte until they are used, and never take more than all may', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 12 }), async (lengths) => {
      const bodies = new WholeBodies(30, 60);
      const ends: (() => void)[] = [];
      let held = 0;
      const done = lengths.map((length) =>
        bodies
          .whole(bodyOf(new Uint8Array(length)), async (bytes) => {
            held += bytes.length;
            expect(held).toBeLessThanOrEqual(60);
            await new Promise<void>((resolve) => void ends.push(resolve));
            held -= bytes.length;
            return 200;
          })
          .catch(status),
      );
      let isDone = false;
      const all = Promise.all(done).finally(() => {
        isDone = true;
      });
      while (!isDone) {
        for (const end of ends.splice(0)) end();
        await new Promise(setImmediate);
      }
      for (const [at, told] of (await all).entries()) {
        expect([200, 503, 413]).toContain(told);
        expect(told === 413).toBe((lengths[at] as number) > 30);
      }
      // Nothing of them is left.
      expect(await bodies.whole(bodyOf(new Uint8Array(30)), ({ length }) => length)).toBe(30);
    }),
    { numRuns: 50 },
  );
});

it('a body that does not come whole, or whose use fails, counts no longer', async () => {
  const bodies = new WholeBodies(10, 10);
  const broken = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new Uint8Array(6));
      controller.error(new Error('left'));
    },
  });
  await expect(bodies.whole(bodyOf(broken), () => 1)).rejects.toThrow();
  const failing = (): number => {
    throw new Error('mine');
  };
  await expect(bodies.whole(bodyOf('0123456789'), failing)).rejects.toThrow('mine');
  expect(await bodies.whole(bodyOf('0123456789'), ({ length }) => length)).toBe(10);
});

it('one body too many is told when to try again', async () => {
  const bodies = new WholeBodies(10, 10);
  const refused = await bodies
    .whole(bodyOf('01234'), () => bodies.whole(bodyOf('012345'), () => 1))
    .catch((error) => error);
  expect(refused).toBeInstanceOf(Refused);
  expect([status(refused), refused.response.headers.get('retry-after')]).toEqual([503, '1']);
});
