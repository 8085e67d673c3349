import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { VivariumError } from '#core/errors';
import type { ModuleMatch, ModuleQuery, ModuleRegistry } from '#core/ports/registry';
import {
  type CallContext,
  type DelegationEngine,
  type ExecTarget,
  RegistryAwareDelegationEngine,
  requestHash,
  StaticDelegationEngine,
} from '#delegation';
import { TestClock } from '../../src/testing/clock.ts';
import { SOME_INTERFACE, someRecord } from '../registry/module-records.ts';

const context: CallContext = {
  fnSymbol: 'text.summarise',
  argTypeFingerprint: 'string',
  interfaceHash: SOME_INTERFACE,
  runtimeContextHash: 'tenant-1',
};
const meant: CallContext = { ...context, semanticHash: Float32Array.of(1, 0) };
const local: ExecTarget = { kind: 'LocalPure' };
const remote: ExecTarget = { kind: 'RemoteModel', id: 'large' };
const hit: ExecTarget = { kind: 'L4CacheHit', moduleId: 'm', storagePointer: 'p', signature: 's', similarity: 1 };

/** A registry that answers what the test says; the real one is in the tests of the registry. */
function answering(answer: (query: ModuleQuery) => readonly ModuleMatch[]): ModuleRegistry & { asked: ModuleQuery[] } {
  const asked: ModuleQuery[] = [];
  return {
    asked,
    query: async (query) => {
      asked.push(query);
      return answer(query);
    },
    fetch: () => Promise.reject(new Error('decide fetches nothing')),
    record: () => Promise.reject(new Error('decide records nothing')),
  };
}

describe('static delegation engine', () => {
  it('decides by symbol, then by policy, then by what is left', async () => {
    const engine = new StaticDelegationEngine({
      targets: { 'text.summarise': remote },
      policy: ({ fnSymbol }) => (fnSymbol.startsWith('math.') ? local : undefined),
      otherwise: { kind: 'LocalModel', id: 'small' },
      clock: new TestClock(),
    });
    expect(await engine.decide(context)).toEqual(remote);
    expect(await engine.decide({ ...context, fnSymbol: 'math.add' })).toEqual(local);
    expect(await engine.decide({ ...context, fnSymbol: 'constructor' })).toEqual({ kind: 'LocalModel', id: 'small' });
  });

  it('remembers a decision until its time is over, and counts', async () => {
    const clock = new TestClock();
    const policy = vi.fn(() => local);
    const engine = new StaticDelegationEngine({ targets: {}, policy, otherwise: remote, clock, memoMs: 1_000 });
    await engine.decide(context);
    clock.advance(999);
    await engine.decide(meant);
    expect(policy).toHaveBeenCalledTimes(1);
    expect(engine.statistics()).toEqual({ hits: 1, misses: 1, size: 1 });
    clock.advance(2);
    await engine.decide(context);
    expect(policy).toHaveBeenCalledTimes(2);
    engine.forget();
    await engine.decide(context);
    expect(policy).toHaveBeenCalledTimes(3);
  });

  it('never remembers a registry hit', async () => {
    const policy = vi.fn(() => hit);
    const engine = new StaticDelegationEngine({ targets: {}, policy, otherwise: local, clock: new TestClock() });
    await engine.decide(context);
    await engine.decide(context);
    expect(policy).toHaveBeenCalledTimes(2);
    expect(engine.statistics()).toEqual({ hits: 0, misses: 2, size: 0 });
  });

  it('keeps no more decisions than it may', async () => {
    const engine = new StaticDelegationEngine({
      targets: {},
      otherwise: local,
      clock: new TestClock(),
      memoSize: 10,
    });
    for (let at = 0; at < 100; at += 1) await engine.decide({ ...context, fnSymbol: `f${at}` });
    expect(engine.statistics()).toEqual({ hits: 0, misses: 100, size: 10 });
  });

  it('decides alike for equal contexts, and keeps different ones apart', async () => {
    const text = fc.string({ maxLength: 3 });
    const contexts = fc.record({
      fnSymbol: text,
      argTypeFingerprint: text,
      interfaceHash: text,
      runtimeContextHash: text,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(contexts, { maxLength: 20 }), async (asked) => {
        // The policy's answer tells every context from every other one.
        const policy = (given: object): ExecTarget => ({ kind: 'LocalModel', id: JSON.stringify(given) });
        const engine = new StaticDelegationEngine({
          targets: {},
          policy: ({ fnSymbol, argTypeFingerprint, interfaceHash, runtimeContextHash }) =>
            policy({ fnSymbol, argTypeFingerprint, interfaceHash, runtimeContextHash }),
          otherwise: local,
          clock: new TestClock(),
        });
        for (const one of [...asked, ...asked]) expect(await engine.decide(one)).toEqual(policy(one));
      }),
    );
  });

  it('refuses a context that lacks a text', async () => {
    const engine = new StaticDelegationEngine({ targets: {}, otherwise: local, clock: new TestClock() });
    const broken: CallContext = { ...context, interfaceHash: JSON.parse('null') };
    await expect(engine.decide(broken)).rejects.toMatchObject({ code: 'DELEGATION_INVALID_CONTEXT' });
  });
});

describe('registry-aware delegation engine', () => {
  const record = someRecord({ signature: '{"payload":""}' });

  it('does not ask the inner engine on a hit', async () => {
    const inner: DelegationEngine = { decide: vi.fn(() => Promise.resolve(remote)) };
    const registry = answering(() => [{ record, similarity: 0.97 }]);
    const engine = new RegistryAwareDelegationEngine(registry, inner, {
      threshold: 0.9,
      embedderId: 'e',
      provided: ['a'],
    });
    expect(await engine.decide(meant)).toEqual({
      kind: 'L4CacheHit',
      moduleId: record.id,
      storagePointer: record.storagePointer,
      signature: record.signature,
      similarity: 0.97,
    });
    expect(inner.decide).not.toHaveBeenCalled();
    expect(registry.asked).toEqual([
      {
        interfaceHash: SOME_INTERFACE,
        embedding: meant.semanticHash,
        embedderId: 'e',
        threshold: 0.9,
        provided: ['a'],
        limit: 1,
      },
    ]);
  });

  it('asks the inner engine on a miss, and does not ask the registry without a meaning', async () => {
    const registry = answering(() => []);
    const inner: DelegationEngine = { decide: async () => remote };
    const engine = new RegistryAwareDelegationEngine(registry, inner);
    expect(await engine.decide(meant)).toBe(remote);
    expect(await engine.decide(context)).toBe(remote);
    expect(registry.asked).toHaveLength(1);
  });

  it('treats a registry that cannot be reached as a miss and says so, and passes on every other error', async () => {
    const inner: DelegationEngine = { decide: async () => remote };
    const failing = (code: string) =>
      answering(() => {
        throw new VivariumError(code, 'of the test');
      });
    const unavailable = vi.fn();
    const down = new RegistryAwareDelegationEngine(failing('REGISTRY_UNAVAILABLE'), inner, { unavailable });
    expect(await down.decide(meant)).toBe(remote);
    expect(unavailable).toHaveBeenCalledTimes(1);
    const mismatched = new RegistryAwareDelegationEngine(failing('REGISTRY_EMBEDDER_MISMATCH'), inner);
    await expect(mismatched.decide(meant)).rejects.toMatchObject({ code: 'REGISTRY_EMBEDDER_MISMATCH' });
  });

  it('decorates any engine, another one of its own kind too', async () => {
    const first = answering(() => []);
    const second = answering(() => [{ record, similarity: 1 }]);
    const inner = new StaticDelegationEngine({ targets: {}, otherwise: local, clock: new TestClock() });
    const engine = new RegistryAwareDelegationEngine(first, new RegistryAwareDelegationEngine(second, inner));
    expect(await engine.decide(meant)).toMatchObject({ kind: 'L4CacheHit', moduleId: record.id });
    expect(inner.statistics().misses).toBe(0);
  });
});

describe('request hash', () => {
  it('changes with each part that says what was asked, and not with the metadata', () => {
    const changed = [
      meant,
      { ...meant, fnSymbol: 'x' },
      { ...meant, argTypeFingerprint: 'x' },
      { ...meant, interfaceHash: 'x' },
      { ...meant, runtimeContextHash: 'x' },
      { ...meant, semanticHash: Float32Array.of(1, 1) },
      context,
    ].map(requestHash);
    expect(new Set(changed).size).toBe(changed.length);
    expect(requestHash({ ...meant, metadata: { task: 'x' } })).toBe(requestHash(meant));
  });
});
