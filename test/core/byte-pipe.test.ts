import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BytePipe, PIPE_BYTES } from '#core/waiting';

type Step = { readonly write: number } | { readonly read: number };

const steps = fc.array(
  fc.oneof(
    fc.record({ write: fc.integer({ min: 0, max: PIPE_BYTES }) }),
    fc.record({ read: fc.integer({ min: 1, max: 2 * PIPE_BYTES }) }),
  ),
  { maxLength: 60 },
);

/** Counts what a pipe has taken. */
function account(limit = Number.POSITIVE_INFINITY) {
  const counted = { taken: 0, ended: 0, take: (_: number) => true, end: () => {} };
  counted.take = (bytes) => {
    if (counted.taken + bytes > limit) return false;
    counted.taken += bytes;
    return true;
  };
  counted.end = () => {
    counted.ended += 1;
    counted.taken = 0;
  };
  return counted;
}

/** Writes and reads as told; answers what was read, and holds each byte against its place. */
function run(pipe: BytePipe, all: readonly Step[]): { written: number; read: number } {
  let [written, read] = [0, 0];
  for (const step of all) {
    if ('write' in step) {
      const bytes = Uint8Array.from({ length: step.write }, (_, i) => (written + i) % 251);
      if (pipe.write(bytes)) written += bytes.length;
    } else {
      const bytes = pipe.read(step.read) ?? new Uint8Array();
      expect(bytes.length).toBeLessThanOrEqual(step.read);
      expect(bytes.every((byte, i) => byte === (read + i) % 251)).toBe(true);
      read += bytes.length;
    }
    expect(pipe.length).toBe(written - read);
  }
  return { written, read };
}

describe('byte pipe', () => {
  it('gives every byte once and in order, and takes no more memory than it holds at a time', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const counted = account();
        const pipe = new BytePipe(counted);
        let most = 0;
        const guarded = all.filter((step) => !('write' in step) || step.write > 0);
        for (const step of guarded) {
          if ('write' in step && pipe.room === 0) pipe.read(2 * PIPE_BYTES);
          most = Math.max(most, counted.taken);
          if ('write' in step) pipe.write(new Uint8Array(step.write));
          else pipe.read(step.read);
        }
        expect(most).toBeLessThanOrEqual(2 * PIPE_BYTES);
        run(new BytePipe(), all);
      }),
      { numRuns: 50 },
    );
  });

  it('gives its memory back once nothing of it is wanted: at its end, its failure, or when it is cancelled', () => {
    const ends: ((pipe: BytePipe) => void)[] = [
      (pipe) => {
        pipe.end();
        pipe.read(PIPE_BYTES);
      },
      (pipe) => {
        pipe.fail(new Error('gone'));
        pipe.read(PIPE_BYTES);
      },
      (pipe) => pipe.cancel(),
      (pipe) => pipe.skip(),
    ];
    for (const end of ends) {
      const counted = account();
      const pipe = new BytePipe(counted);
      pipe.write(new Uint8Array(5_000));
      expect(counted.taken).toBeGreaterThanOrEqual(5_000);
      end(pipe);
      expect(counted.taken).toBe(0);
    }
  });

  it('tells its reader of a failure behind the bytes, and its writer of a reader who is gone', () => {
    const pipe = new BytePipe();
    pipe.write(Uint8Array.of(1));
    pipe.fail('broken');
    pipe.fail('later');
    expect(pipe.read(5)).toEqual(Uint8Array.of(1));
    expect(() => pipe.read(5)).toThrow('broken');
    const left = new BytePipe();
    left.cancel();
    expect(left).toMatchObject({ isOpen: false, cancelled: true });
    expect(left.write(Uint8Array.of(1))).toBe(false);
    expect(left.room).toBeGreaterThan(0);
  });

  it('takes nothing where its account refuses', () => {
    const pipe = new BytePipe(account(2_000));
    expect(pipe.write(new Uint8Array(1_000))).toBe(true);
    expect(pipe.write(new Uint8Array(5_000))).toBe(false);
    expect(pipe.length).toBe(1_000);
  });

  it('throws so much away for a reader who wants the trailers alone, and no more', () => {
    const pipe = new BytePipe();
    pipe.write(new Uint8Array(10));
    pipe.skip();
    expect(pipe.write(new Uint8Array(PIPE_BYTES))).toBe(true);
    expect(pipe).toMatchObject({ length: 0, cancelled: false });
    pipe.write(new Uint8Array(1));
    expect(pipe.cancelled).toBe(true);
  });

  it('tells of everything that either side does', () => {
    const pipe = new BytePipe();
    let told = 0;
    const stop = pipe.changed.add(() => {
      told += 1;
    });
    pipe.write(Uint8Array.of(1, 2));
    pipe.read(1);
    pipe.end([['x', 'y']]);
    expect(pipe.trailers).toEqual([['x', 'y']]);
    stop();
    pipe.read(1);
    expect(told).toBe(3);
  });
});
