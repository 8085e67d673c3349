// Whatever stands in an option: what was asked for, or an error of ours; and where an option was wrong, nothing was begun.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ComponentHandle,
  createRuntime,
  isVivariumError,
  type LoadOptions,
  type RequestOptions,
  type Runtime,
  type RuntimeOptions,
} from '../../src/index.ts';
import { actor } from '../../tools/components/actor-wat.ts';

const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSparseArray: true,
    withTypedArray: true,
  }),
  fc.constantFrom(Number.NaN, -1, 0, 1, 1.5, Number.POSITIVE_INFINITY, -1n, null, Symbol('odd'), () => {}),
);
/** For what names a place on disk: no text, which would be one. */
const nowhere = junk.filter((value) => typeof value !== 'string');

/** Objects with some of these keys, or something else altogether. */
const optionsOf = <T>(values: { readonly [Key in keyof T]-?: fc.Arbitrary<unknown> }): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 9, arbitrary: fc.record(values as Record<string, fc.Arbitrary<unknown>>, { requiredKeys: [] }) },
    nowhere as fc.Arbitrary<never>,
  ) as fc.Arbitrary<unknown> as fc.Arbitrary<T>;
/** As `optionsOf` with exactly one key, so that no other hides whether it is looked at. */
const oneOf = <T>(values: { readonly [Key in keyof T]-?: fc.Arbitrary<unknown> }): fc.Arbitrary<T> =>
  fc
    .constantFrom(...Object.keys(values))
    .chain((key) => values[key as keyof T].map((value) => ({ [key]: value }))) as fc.Arbitrary<T>;
const anyOf = <T>(values: { readonly [Key in keyof T]-?: fc.Arbitrary<unknown> }): fc.Arbitrary<T> =>
  fc.oneof(optionsOf(values), oneOf(values));

const limits = anyOf<NonNullable<LoadOptions['limits']>>({
  maxMemoryBytes: junk,
  maxExecutionTimeMs: junk,
  maxTurnTimeMs: junk,
  maxStartTimeMs: junk,
  weight: junk,
  maxFuel: junk,
});

async function thrownBy(act: () => unknown): Promise<unknown> {
  try {
    await act();
    return undefined;
  } catch (error) {
    return error;
  }
}

const ours = (error: unknown): void => {
  if (error !== undefined && !isVivariumError(error)) throw error;
};
const isOptionError = (error: unknown): boolean => isVivariumError(error) && error.details.option !== undefined;

describe('createRuntime', () => {
  const messaging = anyOf<NonNullable<RuntimeOptions['messaging']>>({
    requestTimeoutMs: junk,
    maxHops: junk,
    maxOpenRequests: junk,
    maxTopics: junk,
    deadLetters: anyOf({ maxLetters: junk, maxBytes: junk }),
    dispatcher: anyOf({ shareMs: junk, sliceMs: junk, sliceMessages: junk }),
  });
  const runtimeOptions = anyOf<RuntimeOptions>({
    limits,
    maxTotalMemoryBytes: junk,
    maxComponentBytes: junk,
    maxTotalMemories: junk,
    components: nowhere,
    storage: anyOf({ path: nowhere, quotaBytes: junk }),
    trust: junk,
    policy: junk,
    home: nowhere,
    audit: fc.oneof(
      fc.constant('memory'),
      junk.filter((value) => value !== 'file'),
    ),
    cache: anyOf({
      root: nowhere,
      memoryBytes: junk,
      maxDiskBytes: junk,
      maxArtifactBytes: junk,
      leaseMs: junk,
      negativeMs: junk,
    }),
    messaging,
    scheduling: junk,
    sliceMs: junk,
    maxWaitingTurns: junk,
    maxStacks: junk,
    waiting: junk,
    calls: junk,
    branchHints: junk.filter((value) => value !== true),
    overrides: anyOf<NonNullable<RuntimeOptions['overrides']>>({
      clock: junk,
      random: junk,
      meter: junk,
      builder: junk,
      cache: junk,
      keyValueStore: junk,
      loader: junk,
      registry: junk,
      audit: junk,
      trustedKeys: junk,
      names: junk,
      tracer: junk,
    }),
  });

  it('gives a runtime, or an error of ours, for whatever stands in its options', async () => {
    await fc.assert(
      fc.asyncProperty(runtimeOptions, async (options) => {
        ours(await thrownBy(async () => (await createRuntime(options)).close()));
      }),
      { numRuns: 500 },
    );
  });

  it.each<[unknown, string]>([
    [{ calls: 'x' }, 'calls is "x"; give "direct" or "glue"'],
    [{ limits: 'x' }, 'limits is "x"; give an object of options'],
    [{ limits: { maxFule: 1n } }, 'limits.maxFule is no option; there are limits.maxMemoryBytes,'],
    [{ maxTotalMemoryBytes: -1 }, 'maxTotalMemoryBytes is -1; give a whole number'],
    [{ storage: { quotaBytes: '16MiB' } }, 'storage.quotaBytes is "16MiB"; give a whole number, 0 or more'],
    [{ messaging: { dispatcher: { shareMs: 0 } } }, 'messaging.dispatcher.shareMs is 0; give a finite number'],
    [{ messaging: { engine: {} } }, 'messaging.engine is no option'],
    [{ cache: { root: 3 } }, 'cache.root is 3; give a folder, or false for none'],
    [{ cache: { size: 3 } }, 'cache.size is no option'],
    [{ trust: 'anyone' }, 'trust is "anyone"; give "any" or "signed" or a function'],
    [{ audit: true }, 'audit is true; give "file" or "memory"'],
    [{ overrides: { clock: { now: () => 0 } } }, 'overrides.clock is an object; give an object with now and'],
    [{ limit: {} }, 'limit is no option; there are limits, maxTotalMemoryBytes'],
    [null, 'what was given is null; give an object of options'],
  ])('refuses %o before any part is used', async (options, message) => {
    const used: string[] = [];
    const watched = new Proxy(
      {},
      {
        get: (_, method) => () => {
          used.push(String(method));
        },
      },
    );
    const overrides = { keyValueStore: watched, audit: watched, random: watched, builder: watched };
    const given = options === null ? null : { overrides, ...(options as object) };
    const error = await thrownBy(() => createRuntime(given as RuntimeOptions));
    expect(error).toMatchObject({ message: expect.stringContaining(message) });
    expect({ isOptionError: isOptionError(error), used }).toEqual({ isOptionError: true, used: [] });
  });
});

describe('a runtime', () => {
  let runtime: Runtime;
  let component: Uint8Array;
  let live: ComponentHandle;
  const moves: string[] = [];
  beforeAll(async () => {
    runtime = await createRuntime({ cache: { root: false } });
    runtime.on('state', ({ to }) => moves.push(to));
    component = await actor();
    live = await runtime.load(component, { id: 'demo/live/1' });
  });
  afterAll(() => runtime.close());

  const mailbox = anyOf<NonNullable<LoadOptions['mailbox']>>({
    maxMessages: junk,
    maxBytes: junk,
    maxMessageBytes: junk,
    overflow: junk,
  });
  const loadOptions = anyOf<LoadOptions>({
    id: junk,
    limits,
    env: fc.oneof(junk, fc.dictionary(fc.string(), junk)),
    args: fc.oneof(junk, fc.array(junk)),
    grants: fc.oneof(
      junk,
      fc.array(fc.oneof(junk, anyOf({ area: junk, action: junk, pattern: junk, expiresAt: junk }))),
    ),
    stdin: junk,
    stdout: junk,
    stderr: junk,
    preopens: fc.oneof(junk, fc.dictionary(fc.string(), junk)),
    signature: junk,
    config: junk,
    digest: junk,
    store: junk,
    metering: junk,
    scheduling: junk,
    importsAnswerAtOnce: junk,
    cancel: junk,
    concurrency: junk,
    imports: fc.oneof(junk, fc.dictionary(fc.string(), junk)),
    next: junk,
    mailbox,
    requests: fc.oneof(junk, fc.record({ maxConcurrent: junk, maxQueued: junk })),
    reuse: fc.oneof(junk, anyOf({ maxRequests: junk, maxAgeMs: junk, maxIdleMs: junk })),
    supervision: anyOf<NonNullable<LoadOptions['supervision']>>({
      strategy: junk,
      maxRestarts: junk,
      withinMs: junk,
      backoffMs: junk,
      maxBackoffMs: junk,
      restart: junk,
      supervisor: junk,
      maxAttempts: junk,
      health: anyOf({ everyMs: junk, failures: junk }),
    }),
    signal: junk,
  });

  it('loads, or says what is wrong, for whatever stands in the options', async () => {
    await fc.assert(
      fc.asyncProperty(loadOptions, async (options) => {
        moves.length = 0;
        const error = await thrownBy(async () => runtime.unload(await runtime.load(component, options)));
        ours(error);
        if (isOptionError(error)) expect(moves).toEqual([]);
        expect(runtime.state(live)).toBe('ready');
      }),
      { numRuns: 300 },
    );
  });

  it.each<[unknown, string]>([
    [{ store: 'huh' }, 'store is "huh"; give "per-actor" or "per-call"'],
    [{ metering: 'none' }, 'metering is "none"; give "fuel" or "deadline"'],
    [{ mailbox: { maxMessages: 0 } }, 'mailbox.maxMessages is 0; give a whole number, 1 or more'],
    [{ mailbox: { overflow: 'drop' } }, 'mailbox.overflow is "drop"; give "reject" or "drop-oldest" or "wait"'],
    [{ env: { HOME: 3 } }, 'env.HOME is 3; give text'],
    [{ args: ['a', 1] }, 'args[1] is 1; give text'],
    [{ grants: 'storage:read:**' }, 'grants is "storage:read:**"; give a list'],
    [{ config: 'text' }, 'config is "text"; give a Uint8Array'],
    [{ imports: { 'a:b/c': 1 } }, "imports.a:b/c is 1; give an object of the interface's functions, or a function"],
    [{ supervision: { restart: 'always' } }, 'supervision.restart is "always"; give "permanent" or'],
    [{ supervision: { maxAttempts: 0 } }, 'supervision.maxAttempts is 0; give a whole number, 1 or more'],
    [{ supervision: { health: { everyMs: 0 } } }, 'supervision.health.everyMs is 0; give a finite number'],
    [{ limit: {} }, 'limit is no option; there are id, limits,'],
  ])('refuses to load with %o before anything is begun, and the id stays free', async (options, message) => {
    moves.length = 0;
    const given = { id: 'demo/refused/1', ...(options as object) } as LoadOptions;
    const error = await thrownBy(() => runtime.load(component, given));
    expect(error).toMatchObject({ message: expect.stringContaining(message) });
    expect({ isOptionError: isOptionError(error), moves }).toEqual({ isOptionError: true, moves: [] });
    await runtime.unload(await runtime.load(component, { id: 'demo/refused/1' }));
  });

  it('refuses a bound of reuse for an actor once it is known to be one, and leaves nothing', async () => {
    const given = { id: 'demo/refused/1', reuse: { maxAgeMs: 1.5 } };
    await expect(runtime.load(component, given)).rejects.toMatchObject({ code: 'CORE_INVALID_OPTION' });
    await runtime.unload(await runtime.load(component, { id: 'demo/refused/1' }));
  });

  it('refuses to load under a supervisor that there is not, before anything is begun', async () => {
    moves.length = 0;
    const loading = runtime.load(component, { supervision: { supervisor: 'nobody' } });
    await expect(loading).rejects.toMatchObject({ code: 'SUPERVISION_INVALID' });
    expect(moves).toEqual([]);
  });

  const requestOptions = anyOf<RequestOptions>({
    timeoutMs: junk,
    signal: junk,
    contentType: junk,
    headers: fc.oneof(junk, fc.array(fc.oneof(junk, fc.tuple(junk, junk)))),
  });
  const payload = new Uint8Array([7]);

  it('answers a request, or says what is wrong, and the component lives on', async () => {
    const typed = runtime.actor<{ add(n: number): number }>(live);
    await fc.assert(
      fc.asyncProperty(requestOptions, async (options) => {
        ours(await thrownBy(() => runtime.request(live, payload, options)));
        ours(await thrownBy(() => runtime.request(typed, { add: 1 }, options)));
        ours(await thrownBy(() => runtime.topic('orders').publish(payload, options)));
        expect(runtime.state(live)).toBe('ready');
      }),
      { numRuns: 500 },
    );
    expect(await runtime.request(live, payload)).toEqual(payload);
  });

  it.each<[unknown, string]>([
    [{ timeout: 500 }, 'timeout is no option; there are contentType, headers, timeoutMs, signal'],
    [{ timeoutMs: Number.NaN }, 'timeoutMs is NaN; give a number of milliseconds'],
    [{ timeoutMs: '5s' }, 'timeoutMs is "5s"; give a number of milliseconds'],
    [{ signal: {} }, 'signal is an object; give an AbortSignal'],
    [{ headers: [['a', 1]] }, 'headers[0] is a list; give a pair of texts: a name and a value'],
    [null, 'what was given is null'],
  ])('refuses a request with %o', async (options, message) => {
    const expected = { code: 'CORE_INVALID_OPTION', message: expect.stringContaining(message) };
    await expect(runtime.request(live, payload, options as RequestOptions)).rejects.toMatchObject(expected);
    const typed = runtime.actor<{ add(n: number): number }>(live);
    await expect(runtime.request(typed, { add: 1 }, options as RequestOptions)).rejects.toMatchObject(expected);
  });

  it('refuses wrong values everywhere else', async () => {
    await fc.assert(
      fc.asyncProperty(junk, junk, mailbox, async (one, other, options) => {
        const any = one as never;
        const topic = runtime.topic('orders');
        const unload = { drain: one, timeoutMs: other };
        const attempts: (() => unknown)[] = [
          () => runtime.topic(any),
          async () => (await topic.subscribe(() => {}, { mailbox: options }))(),
          async () => (await topic.subscribe(any))(),
          () => topic.subscribe(() => {}, any).then((off) => off()),
          () => runtime.call(live, any),
          () => runtime.call(live, { name: one, signal: other } as never),
          () => runtime.on(any, other as never)(),
          () => runtime.actor(live, any),
          () => runtime.actor(live, { codec: any }),
          () => runtime.addSupervisor(any, other as never),
          () => runtime.addSupervisor('name', { parent: any, maxRestarts: other as never }),
          () => runtime.grant(live, any),
          () => runtime.revoke(live, any),
          () => runtime.request(any, payload),
          () => runtime.load(any, { id: 'demo/any/1', store: 'none' as never }),
          async () => runtime.unload(await runtime.load(component), unload as never),
        ];
        for (const attempt of attempts) ours(await thrownBy(attempt));
      }),
      { numRuns: 100 },
    );
    await expect(runtime.close({ drain: 'yes' as never })).rejects.toMatchObject({ code: 'CORE_INVALID_OPTION' });
    expect(runtime.state(live)).toBe('ready');
  });
});
