// Calls the host's functions as a guest does, each within a turn of a real store, and looks at what is under way in later turns.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { expect } from 'vitest';
import type { ComponentHandle, LoadOptions, Runtime, RuntimeOptions } from '../../src/index.ts';
import type { GuestStream, HostStream, StreamSink } from '../../src/runtime/host/host-streams.ts';
import { Continuation } from '../../src/runtime/host/index.ts';
import { codeOf } from '../../src/runtime/wasi/io.ts';
import { HostCalls } from './host-loop/host-calls.ts';
import { hostTable } from './host-loop/host-table.ts';

/** Calls its import once: what that does, it does within a turn of a real store. */
export const HOOKED = `(component
  (import "hook" (func $hook))
  (core func $lowered (canon lower (func $hook)))
  (core module $m (import "host" "hook" (func $hook)) (func (export "run") (call $hook)))
  (core instance $i (instantiate $m (with "host" (instance (export "hook" (func $lowered))))))
  (func (export "run") (canon lift (core func $i "run"))))`;

/** Something under way, looked at within turns. */
export interface Wait {
  isOver(): boolean;
  /** What the guest is answered. It throws the case of an error. */
  answer(): unknown;
}

/** `result` of the component model. */
type Result = { readonly tag: 'ok' | 'err'; readonly val: unknown };

export const DONE: Promise<Result> = Promise.resolve({ tag: 'ok', val: undefined });

export class HostTurns {
  readonly runtime: Runtime;
  /** What a turn may call. */
  readonly host: HostCalls;
  readonly #component: Uint8Array;
  #handle: ComponentHandle | undefined;
  #act: () => void = () => {};
  /** Turns go one after the other: the guests here run one thing at a time. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(runtime: Runtime, host: HostCalls, component: Uint8Array) {
    this.runtime = runtime;
    this.host = host;
    this.#component = component;
  }

  static async make(options: RuntimeOptions = {}): Promise<HostTurns> {
    const audit = { append: () => {}, close: async () => undefined };
    const { runtime, interfaces } = await hostTable({
      limits: { maxExecutionTimeMs: 60_000 },
      ...options,
      overrides: { audit, ...options.overrides },
    });
    return new HostTurns(runtime, new HostCalls(interfaces, { tcp: 0, http: 0 }), await parse(HOOKED));
  }

  get handle(): ComponentHandle {
    if (this.#handle === undefined) throw new Error('no store is loaded');
    return this.#handle;
  }

  async load(options: LoadOptions): Promise<void> {
    const imports = { hook: { default: () => this.#act() } };
    this.#handle = await this.runtime.load(this.#component, { ...options, imports });
  }

  /** Drops what the guest has, and its store. */
  async unload(): Promise<void> {
    await this.turn(() => this.host.drop());
    await this.runtime.unload(this.handle);
  }

  /** Runs something within a turn. */
  turn<T>(what: () => T): Promise<T> {
    const run = async (): Promise<T> => {
      const outcome: (() => T)[] = [];
      this.#act = () => {
        try {
          const value = what();
          outcome.push(() => value);
        } catch (error) {
          outcome.push(() => {
            throw error;
          });
        }
      };
      await this.runtime.call(this.handle, 'run');
      return (outcome[0] as () => T)();
    };
    const next = this.#last.then(run, run);
    this.#last = next.catch(() => {});
    return next;
  }

  /** Waits in turns until something is so. */
  async until(is: () => boolean): Promise<void> {
    await expect.poll(() => this.turn(is), { interval: 5 }).toBe(true);
  }

  /** Begins something in a turn, waits for it in others, and answers what comes of it. */
  async ended<T = unknown>(begin: () => Wait): Promise<T> {
    const wait = await this.turn(begin);
    await this.until(wait.isOver);
    return (await this.turn(wait.answer)) as T;
  }

  /** What an asynchronous function of WASI 0.3 comes to. */
  later<T = unknown>(call: () => unknown): Promise<T> {
    return this.ended<T>(() => promised(call()));
  }

  /** The name of the error in which an asynchronous function of WASI 0.3, or the future beside a stream, ends. */
  failure(call: () => unknown): Promise<unknown> {
    return this.ended(() => resulted(call())).then((answer) => ({ answer }), errorName);
  }

  /** A guest's stream that has all of its bytes at once and ends, and what was taken of them. */
  writes(bytes: Uint8Array): {
    readonly stream: GuestStream;
    readonly taken: () => number;
    readonly dropped: () => boolean;
  } {
    let at = 0;
    let isDropped = false;
    const stream = this.#pumping((sink) => {
      const some = bytes.subarray(at, at + sink.room());
      sink.write(some);
      at += some.length;
      return at < bytes.length;
    }, bytes.length === 0);
    return {
      stream: {
        pump: (sink) => stream.pump(sink),
        drop: () => {
          isDropped = true;
        },
      },
      taken: () => at,
      dropped: () => isDropped,
    };
  }

  /** A guest that writes into a stream whenever it may, as much as it may. */
  endless(): GuestStream {
    return this.#pumping((sink) => {
      sink.write(new Uint8Array(Math.max(1, Math.min(sink.room(), 65_536))));
      return true;
    });
  }

  /** All that a stream of version 0.3 gives. */
  async collected(stream: HostStream | readonly unknown[]): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    if (!('source' in stream)) return new Uint8Array();
    const { source, ended } = stream;
    let isOver = false;
    let failure: unknown;
    while (!isOver) {
      await this.until(() => source.ready());
      await this.turn(() => {
        try {
          const some = source.read(65_536) as Uint8Array | undefined;
          if (some === undefined) isOver = true;
          else parts.push(some.slice());
        } catch (thrown) {
          [isOver, failure] = [true, thrown];
        }
        if (isOver) {
          source.close?.();
          ended(failure);
        }
      });
    }
    return Buffer.concat(parts);
  }

  #pumping(step: (sink: StreamSink) => boolean, isEmpty = false): GuestStream {
    return {
      pump: async (sink) => {
        let failure: unknown;
        let goesOn = !isEmpty;
        const write = (): void => {
          try {
            for (let round = 0; goesOn && sink.ready() && round < 1_000; round++) {
              // The sink may be ready to say that it takes nothing more.
              if (sink.room() > 0) goesOn = step(sink);
            }
          } catch (thrown) {
            failure = thrown;
          }
        };
        while (goesOn && failure === undefined) {
          // It ends with its store.
          await this.turn(write).catch((error: unknown) => {
            failure = error;
          });
          if (goesOn && failure === undefined && !sink.ready()) await woken(sink);
        }
        return this.#close(sink, failure);
      },
      drop: () => {},
    };
  }

  async #close(sink: StreamSink, failure: unknown): Promise<unknown> {
    let result = failure;
    const flushed = await this.turn(() => (failure === undefined ? sink.flush?.() : undefined)).catch(() => undefined);
    while (flushed !== undefined && !flushed.ready()) await woken(flushed);
    await this.turn(() => {
      try {
        if (failure === undefined && flushed !== undefined) sink.room();
      } catch (thrown) {
        result = thrown;
      }
      sink.close?.();
    }).catch(() => {});
    return result;
  }
}

function woken(waitable: Pick<StreamSink, 'whenReady'>): Promise<void> {
  return new Promise((resolve) => {
    const stop = waitable.whenReady(() => {
      stop();
      resolve();
    });
  });
}

/** What a pollable of version 0.2 waits for. */
export function polled(h: HostCalls, subscribed: object, answer: () => unknown): Wait {
  const pollable = h.on(subscribed, 'subscribe');
  return { isOver: () => h.on<boolean>(pollable, 'ready'), answer };
}

/** What an asynchronous function of version 0.3 answers. */
export function promised(waited: unknown): Wait {
  let outcome: (() => unknown) | undefined;
  const wait = (promise: unknown): void => {
    Promise.resolve(promise).then(
      (value) => {
        outcome = () => (value instanceof Continuation ? goOn(value.run()) : value);
      },
      (error: unknown) => {
        outcome = () => {
          throw error;
        };
      },
    );
  };
  const goOn = (value: unknown): unknown => {
    if (!(value instanceof Promise)) return value;
    outcome = undefined;
    wait(value);
    return undefined;
  };
  wait(waited);
  return {
    isOver() {
      if (outcome === undefined) return false;
      try {
        const answered = outcome();
        // A wake may come too early, after which it waits again.
        if (outcome === undefined) return false;
        outcome = () => answered;
      } catch (error) {
        outcome = () => {
          throw error;
        };
      }
      return true;
    },
    answer: () => outcome?.(),
  };
}

/** A `result` in a future of version 0.3. */
export function resulted(promise: unknown): Wait {
  const { isOver, answer } = promised(promise);
  return {
    isOver,
    answer() {
      const answered = answer();
      if (typeof answered !== 'object' || answered === null || !('tag' in answered)) return answered;
      const { tag, val } = answered as Result;
      if (tag === 'err') throw val;
      return tag === 'ok' ? val : answered;
    },
  };
}

/** A stream of version 0.3 that is read. */
export function read({ source }: HostStream): Wait {
  return { isOver: () => source.ready(), answer: () => source.read(10) };
}

/** The name of an interface's error: a code of sockets, files or HTTP, or that within an error of a stream. */
export function errorName(error: unknown): unknown {
  if (error instanceof Error) throw error;
  if (typeof error !== 'object' || error === null) return error;
  const { tag, val } = error as { tag: string; val: unknown };
  if (tag !== 'last-operation-failed') return tag;
  const code = codeOf(val);
  return typeof code === 'object' ? (code as { tag: string }).tag : code;
}
