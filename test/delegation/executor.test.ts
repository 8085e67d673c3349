import { describe, expect, it, vi } from 'vitest';
import { VivariumError } from '#core/errors';
import type { FetchedModule, LookupOutcome, ModelProvider, ModuleRegistry } from '#core/ports/registry';
import { type CallContext, type DelegatedCall, type ExecTarget, Executor, requestHash } from '#delegation';
import { TestClock } from '../../src/testing/clock.ts';
import { SOME_INTERFACE, someRecord } from '../registry/module-records.ts';

type ExecutorParts = ConstructorParameters<typeof Executor>[0];

const context: CallContext = {
  fnSymbol: 'text.summarise',
  argTypeFingerprint: 'string',
  interfaceHash: SOME_INTERFACE,
  runtimeContextHash: 'tenant-1',
};
const record = someRecord();
const hit: ExecTarget = {
  kind: 'L4CacheHit',
  moduleId: record.id,
  storagePointer: record.storagePointer,
  signature: record.signature,
  similarity: 1,
};
const call: DelegatedCall = { context, args: ['text', 7n] };

function executorFor(target: ExecTarget, parts: Partial<ExecutorParts> = {}, fetched?: () => Promise<FetchedModule>) {
  const clock = new TestClock();
  const outcomes: LookupOutcome[] = [];
  const registry: ModuleRegistry = {
    query: () => Promise.reject(new Error('the engine of this test asks nobody')),
    fetch: fetched ?? (async () => ({ record, bytes: Uint8Array.of(0, 97, 115, 109) })),
    record: async (outcome) => void outcomes.push(outcome),
  };
  const engine = {
    decide: async () => {
      clock.advance(5);
      return target;
    },
  };
  return { executor: new Executor({ engine, clock, registry, ...parts }), outcomes, clock };
}

describe('executor', () => {
  it('fetches a hit, has it run, and logs the hit', async () => {
    const runModule = vi.fn(async ({ bytes }: FetchedModule, { args }: DelegatedCall) => [bytes.length, ...args]);
    const { executor, outcomes } = executorFor(hit, { runModule });
    const done = await executor.execute(call);
    expect(done).toEqual({ value: [4, 'text', 7n], target: hit, requestHash: requestHash(context), elapsedMs: 5 });
    expect(outcomes).toEqual([
      {
        requestHash: requestHash(context),
        interfaceHash: SOME_INTERFACE,
        outcome: 'hit',
        moduleId: record.id,
        elapsedMs: 5,
      },
    ]);
  });

  it('runs nothing in place of a module that is refused, and logs the refusal', async () => {
    const runModule = vi.fn();
    const runLocal = vi.fn();
    const refusal = new VivariumError('REGISTRY_BAD_SIGNATURE', 'of the test');
    const { executor, outcomes } = executorFor(hit, { runModule, runLocal }, () => Promise.reject(refusal));
    await expect(executor.execute(call)).rejects.toBe(refusal);
    expect(outcomes).toMatchObject([{ outcome: 'refused', moduleId: record.id }]);
    expect(runModule).not.toHaveBeenCalled();
    expect(runLocal).not.toHaveBeenCalled();
  });

  it('does not run a module that is another by the time it is fetched', async () => {
    const runModule = vi.fn();
    const other = someRecord({ id: record.id });
    const { executor, outcomes } = executorFor(hit, { runModule }, async () => ({
      record: other,
      bytes: new Uint8Array(),
    }));
    await expect(executor.execute(call)).rejects.toMatchObject({ code: 'DELEGATION_STALE_DECISION' });
    expect(runModule).not.toHaveBeenCalled();
    expect(outcomes).toMatchObject([{ outcome: 'refused' }]);
  });

  it('logs a module that ran and failed', async () => {
    const trap = new VivariumError('RUNTIME_TRAP', 'of the test');
    const { executor, outcomes } = executorFor(hit, { runModule: () => Promise.reject(trap) });
    await expect(executor.execute(call)).rejects.toBe(trap);
    expect(outcomes).toMatchObject([{ outcome: 'failed', moduleId: record.id }]);
  });

  it('calls the local function, which is a miss of the registry', async () => {
    const { executor, outcomes } = executorFor({ kind: 'LocalPure' }, { runLocal: async ({ args }) => args.length });
    expect((await executor.execute(call)).value).toBe(2);
    expect(outcomes).toMatchObject([{ outcome: 'miss', elapsedMs: 5 }]);
  });

  it.each(['LocalModel', 'RemoteModel'] as const)('asks the model that a %s target names', async (kind) => {
    const complete = vi.fn<ModelProvider['complete']>(async () => ({ text: 'short' }));
    const models = { small: { complete }, large: { complete: () => Promise.reject(new Error('not this one')) } };
    const { executor } = executorFor({ kind, id: 'small' }, { models });
    expect((await executor.execute(call)).value).toBe('short');
    const content = '{"function":"text.summarise","arguments":["text","7"]}';
    expect(complete).toHaveBeenCalledWith(
      { model: 'small', messages: [{ role: 'user', content }] },
      expect.any(AbortSignal),
    );
  });

  it('lets the embedder of the runtime say how a model answers', async () => {
    const models = { small: { complete: async () => ({ text: 'source' }) } };
    const askModel: ExecutorParts['askModel'] = async (provider, model) =>
      `built from ${(await provider.complete({ model, messages: [] })).text}`;
    const { executor } = executorFor({ kind: 'RemoteModel', id: 'small' }, { models, askModel });
    expect((await executor.execute(call)).value).toBe('built from source');
  });

  describe('equal misses at the same time', () => {
    const answering = () => {
      const answer = Promise.withResolvers<void>();
      let asked = 0;
      const complete = vi.fn<ModelProvider['complete']>(async () => {
        const text = `answer ${++asked}`;
        await answer.promise;
        return { text };
      });
      return { complete, answer: answer.resolve };
    };
    const target: ExecTarget = { kind: 'RemoteModel', id: 'm' };

    it('ask the model once, and later ones again', async () => {
      const { complete, answer } = answering();
      const { executor, outcomes } = executorFor(target, { models: { m: { complete } } });
      const all = Array.from({ length: 5 }, (_, index) =>
        executor.execute({ ...call, context: { ...context, metadata: { trace: `${index}` } } }),
      );
      answer();
      expect((await Promise.all(all)).map(({ value }) => value)).toEqual(Array(5).fill('answer 1'));
      expect(outcomes).toHaveLength(5);
      expect((await executor.execute(call)).value).toBe('answer 2');
    });

    it('are told apart by their contexts and by what is asked', async () => {
      const { complete, answer } = answering();
      const { executor } = executorFor(target, { models: { m: { complete } } });
      const all = [
        call,
        { ...call, args: ['other'] },
        { ...call, context: { ...context, runtimeContextHash: 'tenant-2' } },
        { ...call, context: { ...context, semanticHash: Float32Array.of(1) } },
      ].map((one) => executor.execute(one));
      answer();
      expect(new Set((await Promise.all(all)).map(({ value }) => value)).size).toBe(4);
    });

    it('leave a call that wants several answers to one question its several answers', async () => {
      const { complete, answer } = answering();
      const askModel: ExecutorParts['askModel'] = async (provider, model) => {
        const ask = async () => (await provider.complete({ model, messages: [] })).text;
        return Promise.all([ask(), ask()]);
      };
      const { executor } = executorFor(target, { models: { m: { complete } }, askModel });
      const all = [executor.execute(call), executor.execute(call)];
      answer();
      for (const { value } of await Promise.all(all)) expect(value).toEqual(['answer 1', 'answer 2']);
      expect(complete).toHaveBeenCalledTimes(2);
    });

    it('share a failure, and ask again after it', async () => {
      const complete = vi.fn<ModelProvider['complete']>(() => Promise.reject(new Error('overloaded')));
      const { executor } = executorFor(target, { models: { m: { complete } } });
      const all = await Promise.allSettled([executor.execute(call), executor.execute(call)]);
      expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      expect(complete).toHaveBeenCalledTimes(1);
      await expect(executor.execute(call)).rejects.toThrow('overloaded');
      expect(complete).toHaveBeenCalledTimes(2);
    });

    it('end one by one, and the question with the last of them', async () => {
      const told = Promise.withResolvers<AbortSignal>();
      const complete: ModelProvider['complete'] = (_, signal) => {
        if (signal !== undefined) told.resolve(signal);
        return new Promise(() => undefined);
      };
      const { executor } = executorFor(target, { models: { m: { complete } } });
      const controllers = [new AbortController(), new AbortController()];
      const calls = controllers.map(({ signal }) => executor.execute({ ...call, signal }));
      const askInJsonSignal = await told.promise;
      for (const [index, controller] of controllers.entries()) {
        expect(askInJsonSignal.aborted).toBe(false);
        controller.abort(new Error(`enough ${index}`));
        await expect(calls[index]).rejects.toThrow(`enough ${index}`);
      }
      expect(askInJsonSignal.aborted).toBe(true);
    });
  });

  it.each<ExecTarget>([hit, { kind: 'LocalPure' }, { kind: 'RemoteModel', id: 'toString' }])(
    'names what it was not given for %j',
    async (target) => {
      const { executor } = executorFor(target);
      await expect(executor.execute(call)).rejects.toMatchObject({ code: 'DELEGATION_NO_EXECUTOR' });
    },
  );

  it('answers even when the outcome cannot be logged', async () => {
    const unlogged = vi.fn();
    const registry: ModuleRegistry = {
      query: async () => [],
      fetch: () => Promise.reject(new Error('nothing is fetched here')),
      record: () => Promise.reject(new VivariumError('REGISTRY_UNAVAILABLE', 'of the test')),
    };
    const { executor } = executorFor({ kind: 'LocalPure' }, { registry, runLocal: async () => 1, unlogged });
    expect((await executor.execute(call)).value).toBe(1);
    expect(unlogged).toHaveBeenCalledTimes(1);
  });

  it('stops when it is aborted, before anything is run', async () => {
    const runLocal = vi.fn();
    const { executor } = executorFor({ kind: 'LocalPure' }, { runLocal });
    await expect(executor.execute({ ...call, signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    );
    expect(runLocal).not.toHaveBeenCalled();
  });
});
