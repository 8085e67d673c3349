// What dead letters keep, with the errors that say why.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ComponentId } from '#core';
import type { AsyncContext } from '#core/waiting';
import { ComponentError } from '#runtime';
import { MessageCounters } from '../../src/messaging/counters.ts';
import { DeadLetters } from '../../src/messaging/dead-letters.ts';
import { weightOf } from '../../src/messaging/letter-weight.ts';
import { TestClock } from '../../src/testing/clock.ts';

const target: ComponentId = { namespace: 'a', name: 'b', instance: '1' };
const message = { payload: new Uint8Array(10) };
const weigh = (error: unknown, most = 1e9): number => weightOf({ message, error }, most);

it('a letter weighs its payload, and what its error keeps of the guest', () => {
  expect(weightOf({ message, error: undefined }, 1e9)).toBe(10);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: 5_000 }), (text, bytes) => {
      const payload = { tag: 'other', val: ['x'.repeat(text), new Uint8Array(bytes)] };
      const weight = weigh(new ComponentError('failed', payload));
      // An error of ordinary size is bounded by the number of letters.
      expect(weight).toBeGreaterThanOrEqual(10 + 2 * text + bytes - 4_096);
      expect(weight).toBeLessThanOrEqual(10 + 2 * text + bytes);
    }),
  );
  const circle: Record<string, unknown> = { text: 'x'.repeat(10_000) };
  circle.self = circle;
  expect(weigh(new Error('a', { cause: circle }))).toBeGreaterThan(15_000);
  // Weighing ends where a letter is too heavy to be kept.
  expect(weigh(new ComponentError('failed', Array(1_000).fill('x'.repeat(1_000))), 5_000)).toBeLessThan(40_000);
  const hostile = {
    get value(): never {
      throw new Error('read');
    },
  };
  expect(weigh(new Error('a', { cause: hostile }))).toBe(10);
});

it('letters whose errors are large drop the oldest ones', () => {
  const letters = new DeadLetters(new TestClock(), new MessageCounters(), { maxBytes: 100_000 });
  const outgoing = {
    payload: new Uint8Array(1),
    metadata: { messageId: 1 },
    context: undefined as unknown as AsyncContext,
  };
  for (let letter = 0; letter < 50; letter += 1) {
    letters.add(
      target,
      outgoing as unknown as Parameters<DeadLetters['add']>[1],
      'failed',
      new ComponentError('failed', 'x'.repeat(10_000)),
    );
  }
  expect(letters.list().length).toBeGreaterThan(0);
  expect(letters.list().length).toBeLessThanOrEqual(6);
});
