import { describe, expect, it } from 'vitest';
import type { RenewedInstances } from '#core/ports/renewal';
import { SpareInstances } from '../../../src/runtime/store/spare-instances.ts';
import { TestClock } from '../../../src/testing/clock.ts';

const MIB = 2 ** 20;

function scene() {
  const clock = new TestClock();
  const spares = new SpareInstances(clock);
  const disposed: string[] = [];
  const instances = (name: string, memoryBytes = 65_536): RenewedInstances & { name: string } => ({
    name,
    memoryBytes,
    dispose: () => void disposed.push(name),
  });
  return { clock, spares, disposed, instances };
}

describe('spare instances', () => {
  it('are taken by their own component, the last one first, and once', () => {
    const { spares, instances } = scene();
    const [a, b] = [{}, {}];
    spares.keep(a, instances('a1'));
    spares.keep(a, instances('a2'));
    spares.keep(b, instances('b'));
    const taken = [spares.take(a), spares.take(a), spares.take(a), spares.take(b)];
    expect(taken.map((each) => (each as { name: string } | undefined)?.name)).toEqual(['a2', 'a1', undefined, 'b']);
  });

  it('are sixteen of one component at most', () => {
    const { spares, instances, disposed } = scene();
    const a = {};
    for (let n = 0; n < 18; n++) spares.keep(a, instances(`${n}`));
    expect(disposed).toEqual(['16', '17']);
  });

  it('are 128 of all components at most, and the oldest one goes first', async () => {
    const { clock, spares, instances, disposed } = scene();
    for (let n = 0; n < 130; n++) {
      await clock.advance(1);
      spares.keep({}, instances(`${n}`));
    }
    expect(disposed).toEqual(['0', '1']);
  });

  it('have 64 MiB of memory together at most', async () => {
    const { clock, spares, instances, disposed } = scene();
    for (let n = 0; n < 5; n++) {
      await clock.advance(1);
      spares.keep({}, instances(`${n}`, 16 * MIB));
    }
    expect(disposed).toEqual(['0']);
  });

  it('end with their component, and leave no timer', async () => {
    const { clock, spares, instances, disposed } = scene();
    const [a, b] = [{}, {}];
    spares.keep(a, instances('a'));
    spares.keep(b, instances('b'));
    spares.drop(a);
    expect(disposed).toEqual(['a']);
    spares.drop(b);
    await clock.advance(60_000);
    expect(disposed).toEqual(['a', 'b']);
  });

  it('end ten seconds after they were kept, each at its time', async () => {
    const { clock, spares, instances, disposed } = scene();
    const [a, b] = [{}, {}];
    spares.keep(a, instances('first'));
    await clock.advance(4_000);
    spares.keep(a, instances('second'));
    spares.keep(b, instances('other'));
    await clock.advance(6_000);
    expect(disposed).toEqual(['first']);
    await clock.advance(4_000);
    expect(disposed.toSorted()).toEqual(['first', 'other', 'second']);
  });

  it('are all given up when their memory is needed', () => {
    const { spares, instances, disposed } = scene();
    const a = {};
    spares.keep(a, instances('a'));
    spares.keep({}, instances('b'));
    spares.clear();
    expect(disposed).toEqual(['a', 'b']);
    expect(spares.take(a)).toBeUndefined();
  });
});
