import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHandle, parseComponentId } from '#core';
import { Lifecycle, type LifecycleEvent, type StateChange } from '../../../src/runtime/store/lifecycle.ts';

const EVENTS = ['loaded', 'initialized', 'fail', 'restart', 'drain', 'stop'] as const;

/** The table of ARCHITECTURE.md, written out once more. */
const TABLE: Record<string, Partial<Record<LifecycleEvent['type'], string>>> = {
  loading: { loaded: 'initializing', fail: 'failed', drain: 'draining', stop: 'stopped' },
  initializing: { initialized: 'ready', fail: 'failed', drain: 'draining', stop: 'stopped' },
  ready: { fail: 'failed', drain: 'draining', stop: 'stopped' },
  failed: { restart: 'restarting', stop: 'stopped' },
  restarting: { loaded: 'initializing', fail: 'failed', drain: 'draining', stop: 'stopped' },
  draining: { fail: 'failed', stop: 'stopped' },
  stopped: {},
};

describe('lifecycle', () => {
  it('makes exactly the transitions of its table and tells of each, whatever is asked of it', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 30 }), (events) => {
        const told: StateChange[] = [];
        const lifecycle = new Lifecycle(createHandle(parseComponentId('a/b/c')), (change) => told.push(change));
        let state = 'loading';
        for (const event of events) {
          const next = TABLE[state]?.[event];
          expect(lifecycle.can(event)).toBe(next !== undefined);
          if (next === undefined) {
            expect(() => lifecycle.move(event, 'why')).toThrow(
              expect.objectContaining({ code: 'RUNTIME_WRONG_STATE' }),
            );
          } else {
            lifecycle.move(event, 'why');
            expect(told.at(-1)).toMatchObject({ from: state, to: next, reason: 'why' });
            state = next;
          }
          expect(lifecycle.state).toBe(state);
        }
      }),
    );
  });

  it('is handling only while it is ready', () => {
    const lifecycle = new Lifecycle(
      createHandle(parseComponentId('a/b/c')),
      () => {},
      () => 'handling',
    );
    expect(lifecycle.state).toBe('loading');
    lifecycle.move('loaded', '');
    lifecycle.move('initialized', '');
    expect(lifecycle.state).toBe('handling');
  });
});
