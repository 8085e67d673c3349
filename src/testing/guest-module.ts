import { fileURLToPath } from 'node:url';
import { constants, createContext, Script } from 'node:vm';
import { bundleForNode } from '#system/operations';
import { bytesOf, type FakeAnswer, FakeHost, toId, valueFrom } from './fake-host.ts';

export interface TestActorOptions {
  /** `test/actor/1` by default. */
  readonly id?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly config?: Uint8Array;
  /** What other actors answer to `ask`, by their ids. */
  readonly answers?: Record<string, FakeAnswer>;
  /** What `fetch` answers. Without it a request fails. */
  readonly fetch?: (url: string, init: FakeFetch) => FakeResponse;
  /** The clock at the start, in milliseconds since 1970. */
  readonly now?: number;
}

export interface FakeFetch {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface FakeResponse {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The error case that a handler answered, by throwing. */
export class GuestError extends Error {
  readonly tag: string;

  constructor(tag: string, message: string, stack: string) {
    super(message);
    this.name = 'GuestError';
    this.tag = tag;
    this.stack = `${this.name}: ${message}\n${stack}`;
  }
}

interface Lifecycle {
  initialize(config: object): void;
  handleMessage(message: object): Uint8Array | undefined;
  handleCallback(message: object): void;
  metadata(): { readonly name: string; readonly supportedOperations: readonly string[] };
  health(): string;
  shutdown(): void;
}

const BUNDLE = 'guest-bundle.js';
const PLACE = /guest-bundle\.js:(\d{1,7}):(\d{1,7})/g;
const FRAME = '\n    at ';

/** What the engine of a component has beside the language, and a context of Node's has not. */
const OF_THE_ENGINE = { atob, btoa, DOMException, performance };

/** An actor's module that runs in this process, with a host in memory. Every call is over when it returns. */
export class TestActor {
  /** What the actor did, and what it finds. */
  readonly host: FakeHost;
  readonly #lifecycle: Lifecycle;
  readonly #toSources: (text: string) => string;
  #messages = 0;

  /** @internal */
  constructor(lifecycle: object, host: FakeHost, toSources: (text: string) => string) {
    this.host = host;
    this.#lifecycle = lifecycle as Lifecycle;
    this.#toSources = toSources;
  }

  /** Sends a message that nobody waits for. @throws {GuestError} */
  send(value: unknown, from = 'test/sender/1'): void {
    this.#run(() => this.#lifecycle.handleMessage(this.#message(value, from, {})));
  }

  /** Sends a message and gives its answer: JSON where it is JSON, else text, else bytes. @throws {GuestError} */
  request(value: unknown, from = 'test/sender/1'): unknown {
    const answer = this.#run(() =>
      this.#lifecycle.handleMessage(this.#message(value, from, { correlationId: 'test' })),
    );
    return answer === undefined ? undefined : valueFrom(answer);
  }

  /** Sends a message through a topic. @throws {GuestError} */
  publishTo(topic: string, value: unknown): void {
    this.#run(() => this.#lifecycle.handleMessage(this.#message(value, 'test/sender/1', { topic })));
  }

  /** Answers a request that the actor made. @throws {GuestError} */
  reply(id: string, value: unknown): void {
    this.#run(() => this.#lifecycle.handleCallback(this.#message(value, 'test/sender/1', { correlationId: id })));
  }

  /** Ends a request that the actor made without an answer. @param tag as `correlation-timeout` @throws {GuestError} */
  fail(id: string, tag: string, message = ''): void {
    const failure = { tag, val: message };
    this.#run(() => this.#lifecycle.handleCallback(this.#message('', 'test/sender/1', { correlationId: id, failure })));
  }

  health(): string {
    return this.#run(() => this.#lifecycle.health());
  }

  stop(): void {
    this.#run(() => this.#lifecycle.shutdown());
  }

  /** @internal */
  start(options: TestActorOptions): void {
    this.#run(() =>
      this.#lifecycle.initialize({
        envVars: Object.entries(options.env ?? {}),
        configData: options.config,
        resourceLimits: { maxMemoryBytes: 2 ** 28, maxExecutionTimeMs: 5_000 },
      }),
    );
  }

  #message(value: unknown, from: string, metadata: object): object {
    this.#messages += 1;
    return {
      sender: toId(from),
      payload: bytesOf(value),
      metadata: {
        messageId: this.#messages,
        timestamp: { seconds: Math.floor(this.host.now / 1_000), nanoseconds: 0 },
        headers: [],
        ...metadata,
      },
    };
  }

  #run<T>(call: () => T): T {
    try {
      return call();
    } catch (thrown) {
      const { tag, val } = thrown as { tag?: unknown; val?: unknown };
      if (typeof tag !== 'string') throw thrown;
      const text = this.#toSources(String(val));
      const at = text.indexOf(FRAME);
      throw new GuestError(tag, at === -1 ? text : text.slice(0, at), at === -1 ? '' : text.slice(at + 1));
    }
  }
}

/**
 * Runs an actor's module in this process, as `viv build` bundles it, with a host in memory: for tests under `node --test` or
 * vitest. Nothing of it waits: a timer's time passes at once, and `now` says how much.
 * @param entry the module, as `new URL('./actor.ts', import.meta.url)`, or its path
 */
export async function testActor(entry: URL | string, options: TestActorOptions = {}): Promise<TestActor> {
  const path = entry instanceof URL || entry.startsWith('file:') ? fileURLToPath(entry) : entry;
  const { source, placeOf } = await bundleForNode(path, ['fetch']);
  const { id = 'test/actor/1', answers = {}, now = 1_700_000_000_000 } = options;
  const host = new FakeHost(id, { ...answers }, now);
  const module = { exports: {} as { lifecycle?: Lifecycle } };
  const { imports } = host;
  const require = (name: string): unknown => {
    if (Object.hasOwn(imports, name)) return imports[name];
    throw new Error(`testActor has no ${name}; test what imports it in a runtime, with createTestRuntime`);
  };
  const given = { ...OF_THE_ENGINE, module, require, vivariumNow: () => host.now, vivariumFetch: options.fetch };
  // With an object of ours as its global, the context would lose what a getter of a global throws.
  const context = createContext(constants.DONT_CONTEXTIFY);
  Object.assign(context, given);
  new Script(CLOCK, { filename: 'guest-clock.js' }).runInContext(context);
  new Script(source, { filename: BUNDLE }).runInContext(context);
  new Script(FETCH, { filename: 'guest-fetch.js' }).runInContext(context);
  const { lifecycle } = module.exports;
  if (lifecycle === undefined)
    throw new Error(`${path} exports no lifecycle; write export const lifecycle = defineActor({ … })`);
  const toSources = (text: string): string =>
    text.replace(PLACE, (whole, line: string, column: string) => {
      const place = placeOf(Number(line), Number(column));
      return place === undefined ? whole : `${place.file}:${place.line}:${place.column}`;
    });
  const actor = new TestActor(lifecycle, host, toSources);
  actor.start(options);
  return actor;
}

/** The guest's clock is the test's. */
const CLOCK = `Date = class extends Date {
  constructor(...given) { if (given.length === 0) super(vivariumNow()); else super(...given); }
  static now() { return vivariumNow(); }
};`;

/** Its answers are made inside, of its own classes. */
const FETCH = `globalThis.fetch = (input, init) => new Promise((resolve) => {
  const request = new Request(input, init);
  if (vivariumFetch === undefined) throw new TypeError('fetch failed: ' + request.url + ': give testActor a fetch');
  resolve(request.text().then((sent) => {
    const headers = Object.fromEntries(request.headers);
    const answer = vivariumFetch(request.url, { method: request.method, headers, body: sent });
    return new Response(answer.body ?? '', { status: answer.status ?? 200, headers: answer.headers ?? {} });
  }));
});`;
