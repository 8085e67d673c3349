import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BytePipe } from '#core/waiting';
import type { GuestStream, HostState, StreamSink } from '#runtime/host';
import { GuestContents } from '../../../src/runtime/wasi/v3/http/contents.ts';

type Step = 'write' | 'cancel' | 'fail by an error' | 'fail by a case';

const state = { hostMemory: { take: () => true, giveBack: () => {} } } as unknown as HostState;

/** A body that promises some bytes, with the sink into which its guest writes. */
function opened(promised: number): { readonly pipe: BytePipe; readonly sink: StreamSink } {
  let sink!: StreamSink;
  const stream: GuestStream = {
    pump: (given) => {
      sink = given;
      return new Promise(() => {});
    },
    drop: () => {},
  };
  const wrongSize = (val: number) => ({ tag: 'HTTP-response-body-size', val: BigInt(val) }) as const;
  const pipe = new GuestContents(stream, new Promise(() => {}), promised, wrongSize).open(state);
  return { pipe, sink };
}

/** What each step of the guest throws. */
function thrownBy(steps: readonly Step[], promised: number): unknown[] {
  const { pipe, sink } = opened(promised);
  const thrown: unknown[] = [];
  for (const step of steps) {
    if (step === 'cancel') pipe.cancel();
    else if (step === 'fail by an error') pipe.fail(new Error('the connection was reset'));
    else if (step === 'fail by a case') pipe.fail({ tag: 'connection-terminated' });
    else
      try {
        sink.write(Uint8Array.of(1));
      } catch (error) {
        thrown.push(error);
      }
  }
  return thrown;
}

const step = fc.constantFrom<Step>('write', 'write', 'cancel', 'fail by an error', 'fail by a case');

describe('a body that a guest writes', () => {
  it('tells the guest a case whatever has become of its reader, for an error would end the store', () => {
    const tagged = { tag: expect.any(String) };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), fc.nat(3), (steps, promised) => {
        for (const error of thrownBy(steps, promised)) {
          expect(error).not.toBeInstanceOf(Error);
          expect(error).toMatchObject(tagged);
        }
      }),
    );
  });

  it('that is too long says so, and where its reader has gone, that', () => {
    expect(thrownBy(['write', 'write'], 1)).toEqual([{ tag: 'HTTP-response-body-size', val: 2n }]);
    expect(thrownBy(['write', 'cancel', 'write'], 1)).toEqual([{ tag: 'connection-terminated' }]);
    expect(thrownBy(['fail by an error', 'write'], 0)).toMatchObject([{ tag: 'internal-error' }]);
  });
});
