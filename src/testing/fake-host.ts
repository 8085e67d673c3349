import { randomBytes } from 'node:crypto';

export interface FakeMessage {
  readonly to: string;
  /** JSON where it is JSON, else text, else bytes. */
  readonly value: unknown;
}

export interface FakeRequest extends FakeMessage {
  /** Names the request for `reply`. */
  readonly id: string;
}

export interface FakeLogLine {
  readonly level: string;
  readonly message: string;
  readonly context: Readonly<Record<string, string>>;
}

/** Answers what a guest asks of another actor. What it throws is the guest's `MessageError`. */
export type FakeAnswer = (value: unknown) => unknown;

/** The failure of a host call: what WIT's `messaging-error` is. */
export class FakeFailure extends Error {
  readonly payload: { readonly tag: string; readonly val: string };

  constructor(tag: string, message: string) {
    super(message);
    this.payload = { tag, val: message };
  }
}

interface Id {
  readonly namespace: string;
  readonly name: string;
  readonly instance: string;
}

/** What a guest imports, in memory: messages are kept, `ask` is answered by functions, and waiting takes no time. */
export class FakeHost {
  readonly id: string;
  readonly sent: FakeMessage[] = [];
  readonly requests: FakeRequest[] = [];
  readonly published: { readonly topic: string; readonly value: unknown }[] = [];
  readonly topics = new Set<string>();
  readonly logs: FakeLogLine[] = [];
  readonly storage = new Map<string, Uint8Array>();
  readonly answers: Record<string, FakeAnswer>;
  /** Milliseconds since 1970; what the guest waits is added. */
  now: number;

  constructor(id: string, answers: Record<string, FakeAnswer>, now: number) {
    this.id = id;
    this.answers = answers;
    this.now = now;
  }

  /** The interfaces by their names, as the engine gives them to a bundle. */
  get imports(): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
    return {
      'vivarium:actor/host-messaging@0.1.0': {
        selfId: () => toId(this.id),
        send: (to: Id, payload: Uint8Array) => void this.sent.push({ to: textOf(to), value: valueFrom(payload) }),
        request: (to: Id, payload: Uint8Array) => {
          const id = `request-${this.requests.length + 1}`;
          this.requests.push({ id, to: textOf(to), value: valueFrom(payload) });
          return id;
        },
        ask: (to: Id, payload: Uint8Array) => this.#ask(textOf(to), valueFrom(payload)),
        cancelRequest: () => {},
        broadcast: (to: readonly Id[], payload: Uint8Array) => {
          for (const each of to) this.sent.push({ to: textOf(each), value: valueFrom(payload) });
          return to.length;
        },
        publish: (topic: string, payload: Uint8Array) => {
          this.published.push({ topic, value: valueFrom(payload) });
          return 0;
        },
        subscribe: (topic: string) => void this.topics.add(topic),
        unsubscribe: (topic: string) => void this.topics.delete(topic),
      },
      'vivarium:actor/host-services@0.1.0': {
        log: (level: string, message: string, context: readonly (readonly [string, string])[]) =>
          void this.logs.push({ level, message, context: Object.fromEntries(context) }),
        currentTimeMillis: () => Math.floor(this.now),
        sleepMillis: (ms: number) => {
          this.now += ms;
        },
        listComponents: () => [toId(this.id), ...Object.keys(this.answers).map(toId)],
      },
      'vivarium:actor/storage@0.1.0': {
        get: (key: string) => this.storage.get(key),
        set: (key: string, value: Uint8Array) => void this.storage.set(key, Uint8Array.from(value)),
        delete: (key: string) => this.storage.delete(key),
        exists: (key: string) => this.storage.has(key),
        listKeys: (prefix: string) => [...this.storage.keys()].filter((key) => key.startsWith(prefix)).sort(),
      },
      'wasi:random/random@0.2.0': { getRandomBytes: (length: number) => Uint8Array.from(randomBytes(length)) },
      'wasi:random/random@0.2.2': { getRandomBytes: (length: number) => Uint8Array.from(randomBytes(length)) },
    };
  }

  #ask(to: string, value: unknown): Uint8Array {
    const answer = this.answers[to];
    if (answer === undefined) throw new FakeFailure('target-not-found', `the test has no answer of ${to}`);
    try {
      return bytesOf(answer(value));
    } catch (error) {
      if (error instanceof FakeFailure) throw error;
      throw new FakeFailure('delivery-failed', error instanceof Error ? error.message : String(error));
    }
  }
}

/** What bytes stand for, as the guest library reads them. */
export function valueFrom(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return bytes;
  }
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What the guest library writes for a value. */
export function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  return new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value ?? null));
}

export function toId(text: string): Id {
  const [namespace = '', name = '', instance = ''] = text.split('/');
  return { namespace, name, instance };
}

function textOf({ namespace, name, instance }: Id): string {
  return `${namespace}/${name}/${instance}`;
}
