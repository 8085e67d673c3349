import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import type { CallTarget, ComponentHandle, LoadOptions, Runtime } from '../../../src/index.ts';
import { type Kind, operationsOf, type Payload, scriptedComponent } from './component.ts';

/** One operation of a guest by its name, with its core arguments. */
export type Step = readonly [operation: string, ...args: number[]];

/** What guest code does. It is resumed with what each step came to, and ends with what its core function returns. */
export type Script = Generator<Step, number | undefined, bigint>;

/** What a built-in answers for what goes on. */
export const BLOCKED = 0xffff_ffff;

/** Does one step, and answers its core value without a sign. */
export function* does(operation: string, ...args: number[]): Generator<Step, number, bigint> {
  return Number(yield [operation, ...args]);
}

/** Makes both ends of a stream or future. */
export function* ends(
  kind: 'stream' | 'future',
  payload: Payload,
): Generator<Step, { readonly reader: number; readonly writer: number }, bigint> {
  const both = yield [`${kind}.new ${payload}`];
  return { reader: Number(both & 0xffff_ffffn), writer: Number(both >> 32n) };
}

/** Begins a call of the other instance. Its answer goes to `address`. */
export function* calls(
  kind: Exclude<Kind, 'plain'>,
  script: number,
  address = 1_024,
): Generator<Step, { readonly state: number; readonly subtask: number }, bigint> {
  const status = yield* does(`call ${kind}`, script, address);
  return { state: status & 0xf, subtask: status >>> 4 };
}

export interface GuestEvent {
  readonly event: number;
  readonly handle: number;
  readonly payload: number;
}

/** Waits for a set, or asks it, and answers the event. */
export function* event(operation: 'wait' | 'poll', set: number): Generator<Step, GuestEvent, bigint> {
  const code = yield* does(`waitable-set.${operation}`, set, 2_048);
  return { event: code, handle: yield* does('load 32', 2_048), payload: yield* does('load 32', 2_052) };
}

/** Makes a set with the given members. */
export function* setOf(...members: readonly number[]): Generator<Step, number, bigint> {
  const set = yield* does('waitable-set.new');
  for (const member of members) yield* does('waitable.join', member, set);
  return set;
}

/** Returns from guest code that was lifted with a callback, and answers the event with which that is called. */
export function* leaves(code: 'yield' | { readonly wait: number }): Generator<Step, GuestEvent, bigint> {
  const told = yield ['leave', code === 'yield' ? 1 : 2 | (code.wait << 4)];
  return { event: Number(told & 0xffn), handle: Number((told >> 8n) & 0xff_ffffn), payload: Number(told >> 32n) };
}

const components = new Map<string, Promise<Uint8Array>>();

/** The component for some payloads. Its text is read once. */
function componentOf(payloads: readonly Payload[], hasHost: boolean): Promise<Uint8Array> {
  const key = [...payloads, hasHost].join();
  const found = components.get(key) ?? parse(scriptedComponent(payloads, hasHost));
  components.set(key, found);
  return found;
}

/** What JavaScript does with ends of streams and futures. */
export interface HostEnds {
  /** Is given what stands for a guest's stream or future. */
  take(kind: 'stream' | 'future', payload: Payload, what: unknown): void;
  /** Answers what a guest gets as a stream or future. */
  give(kind: 'stream' | 'future', payload: Payload): unknown;
}

/** Two component instances that run scripts. */
export class ScriptedGuests {
  readonly #scripts: Script[] = [];
  readonly #runtime: Runtime;
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #payloads: readonly Payload[];
  readonly #waits: ((n: number) => void)[] = [];
  /** Answers to calls of `wait` that have yet to come. */
  readonly #early: number[] = [];
  #handle: ComponentHandle | undefined;

  readonly #host: HostEnds | undefined;

  constructor(runtime: Runtime, payloads: readonly Payload[] = ['bytes', 'none'], host?: HostEnds) {
    this.#runtime = runtime;
    this.#payloads = payloads;
    this.#host = host;
    this.#numbers = new Map(operationsOf(payloads, host !== undefined).map((name, number) => [name, number]));
  }

  get handle(): ComponentHandle {
    if (this.#handle === undefined) throw new Error('the guests are not loaded');
    return this.#handle;
  }

  async load(options: LoadOptions = {}): Promise<this> {
    const bytes = await componentOf(this.#payloads, this.#host !== undefined);
    this.#handle = await this.#runtime.load(bytes, {
      ...options,
      limits: { maxExecutionTimeMs: 60_000, ...options.limits },
      imports: {
        next: (script: number, result: bigint) => this.#next(script, result),
        wait: () => this.#early.shift() ?? new Promise((resolve) => this.#waits.push(resolve)),
        ...this.#hostEnds(),
      },
    });
    return this;
  }

  async unload(): Promise<void> {
    await this.#runtime.unload(this.handle);
  }

  /** Gives a script a number, by which guests run it. */
  script(script: Script): number {
    return this.#scripts.push(script) - 1;
  }

  /** Calls a function of an instance, which runs a script. */
  call(
    instance: 'a' | 'b',
    kind: Kind,
    script: Script,
    options: Omit<Exclude<CallTarget, string>, 'name'> = {},
  ): Promise<unknown> {
    return this.#runtime.call(this.handle, { ...options, name: `${instance}-${kind}` }, this.script(script));
  }

  /** Answers the oldest call of the host's `wait`. */
  answer(n: number): void {
    this.#waits.shift()?.(n);
  }

  /** The same; or the next call of it, where none waits yet because the guest was suspended on its way there. */
  answerNext(n: number): void {
    if (this.#waits.length > 0) this.answer(n);
    else this.#early.push(n);
  }

  #hostEnds(): Record<string, unknown> {
    const host = this.#host;
    if (host === undefined) return {};
    const imports: Record<string, unknown> = {};
    for (const payload of this.#payloads) {
      for (const kind of ['stream', 'future'] as const) {
        imports[`host-take-${kind}-${payload}`] = (what: unknown) => host.take(kind, payload, what);
        imports[`host-give-${kind}-${payload}`] = () => host.give(kind, payload);
      }
    }
    return imports;
  }

  #next(number: number, result: bigint): readonly number[] {
    const script = this.#scripts[number];
    if (script === undefined) throw new Error(`there is no script ${number}`);
    const { value, done } = script.next(result);
    if (done === true) return [0, value ?? 0, 0, 0];
    const [operation, ...args] = value;
    const found = this.#numbers.get(operation);
    if (found === undefined) throw new Error(`there is no operation ${operation}`);
    return [found, ...[0, 1, 2].map((index) => args[index] ?? 0)].map((each) => each >>> 0);
  }
}
