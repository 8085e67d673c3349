import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ComponentHandle } from '#core';
import { messageLane } from '#messaging';
import { MessageSystem, text } from '../support/message-system.ts';

const ACTORS = 8;
const MAX_HOPS = 4;

/**
 * Actors that pass a message of N bytes on to themselves N times, and are suspended in the turn that follows. Each has
 * then come N hops, and when it is resumed it sends once more, which is refused where that is a hop too many.
 */
async function suspended(): Promise<{ system: MessageSystem; handles: ComponentHandle[]; resume: (() => string)[] }> {
  const system = new MessageSystem({ maxHops: MAX_HOPS });
  const end = system.actor('demo/end/1');
  const resume: (() => string)[] = [];
  const handles = Array.from({ length: ACTORS }, (_, index) =>
    system.actor(`demo/chain/${index}`, {
      message: (message, self) => {
        if (message.payload.length > 0) {
          system.guests.send(self, self.id, message.payload.subarray(1));
          return undefined;
        }
        const parked = messageLane.park();
        return new Promise((resolve) => {
          resume[index] = () => {
            messageLane.resume(parked);
            resolve(undefined);
            try {
              system.guests.send(self, end.id, text(''));
              return 'sent';
            } catch (error) {
              return (error as { code: string }).code;
            } finally {
              messageLane.park();
            }
          };
        });
      },
    }),
  );
  for (const [index, handle] of handles.entries()) {
    await system.host.send(handle, new Uint8Array(Math.min(index, MAX_HOPS)));
    await system.settle();
  }
  return { system, handles, resume };
}

describe('the message whose turn runs', () => {
  it('is its own again for each turn that goes on, in any order', async () => {
    const order = fc.shuffledSubarray(
      Array.from({ length: ACTORS }, (_, index) => index),
      { minLength: ACTORS },
    );
    await fc.assert(
      fc.asyncProperty(order, async (shuffled) => {
        const { resume } = await suspended();
        expect(resume).toHaveLength(ACTORS);
        for (const index of shuffled) {
          const wanted = index < MAX_HOPS ? 'sent' : 'MESSAGING_DELIVERY_FAILED';
          expect(resume[index]?.(), `the actor that is resumed after ${index} hops`).toBe(wanted);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('is nobody where the actor was removed while its turn was suspended', async () => {
    const { system, handles, resume } = await suspended();
    system.router.remove(handles[0] as ComponentHandle);
    expect(resume[0]?.()).toBe('MESSAGING_TARGET_NOT_FOUND');
    expect(messageLane.park()).toBeUndefined();
  });
});
