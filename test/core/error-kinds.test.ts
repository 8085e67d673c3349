import { describe, expect, it } from 'vitest';
import { CoreError, type ErrorKind, VivariumError } from '../../src/core/errors/index.ts';
import { messageFailureOf } from '../../src/core/messages/index.ts';
import { fromWire, toWire } from '../../src/runtime/build/index.ts';
import { ComponentError, RuntimeError } from '../../src/runtime/errors.ts';

describe('the kind of an error', () => {
  it('is that of its code, also in a class derived from the one that has the code', () => {
    expect(new CoreError('CORE_INVALID_ID', 'x').kind).toBe('usage');
    expect(new RuntimeError('RUNTIME_NOT_FOUND', 'x').kind).toBe('not-found');
    expect(new ComponentError('x', undefined).kind).toBe('orderly');
  });

  it('is the given one for a code that the class does not know, or else `failed`', () => {
    expect(new VivariumError('ANY', 'x', { kind: 'refused' }).kind).toBe('refused');
    expect(new VivariumError('ANY', 'x').kind).toBe('failed');
    expect(new VivariumError('constructor', 'x').kind).toBe('failed');
  });

  it('comes over a process boundary with the error', () => {
    const missing = new RuntimeError('RUNTIME_MISSING_IMPORT', 'x', { cause: new CoreError('CORE_INVALID_UNIT', 'y') });
    const told = fromWire(structuredClone(toWire(missing)));
    expect(told).toMatchObject({ code: 'RUNTIME_MISSING_IMPORT', kind: 'refused', cause: { kind: 'usage' } });
  });

  it.each<[ErrorKind, string]>([
    ['usage', 'invalid-message'],
    ['not-found', 'target-not-found'],
    ['refused', 'permission-denied'],
    ['unauthorised', 'permission-denied'],
    ['unreachable', 'unavailable'],
    ['failed', 'delivery-failed'],
    ['orderly', 'delivery-failed'],
  ])('tells a guest of %s by %s', (kind, tag) => {
    expect(messageFailureOf(new VivariumError('ANY', 'why', { kind }))).toEqual({ tag, val: 'why' });
  });

  it('tells a guest less than four codes of messages do', () => {
    const tags = ['TIMEOUT', 'DEADLOCK', 'QUEUE_FULL', 'CANCELLED'].map(
      (code) => messageFailureOf(new VivariumError(`MESSAGING_${code}`, 'x')).tag,
    );
    expect(tags).toEqual(['correlation-timeout', 'correlation-timeout', 'queue-full', 'cancelled']);
    expect(messageFailureOf('thrown')).toEqual({ tag: 'delivery-failed', val: 'thrown' });
  });
});
