// Generated programs of calls that run side by side in one instance, against a simple model of what begins and ends when.
import fc from 'fast-check';
import type { ComponentHandle, Runtime } from '../../src/index.ts';

type Kind = 'work' | 'stay' | 'hold';

/** `call` makes the next call; `answer` and `abort` pick one of those that were made. */
type Step = { readonly do: 'call'; readonly kind: Kind } | { readonly do: 'answer' | 'abort'; readonly pick: number };

export interface Program {
  readonly concurrency: number;
  readonly steps: readonly Step[];
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('call' as const),
      kind: fc.constantFrom<Kind>('work', 'work', 'stay', 'hold'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('answer' as const), pick: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const), pick: fc.nat(20) }) },
);

export const programs: fc.Arbitrary<Program> = fc.record({
  concurrency: fc.integer({ min: 2, max: 5 }),
  steps: fc.array(step, { minLength: 1, maxLength: 16 }),
});

interface ModelCall {
  readonly n: number;
  readonly kind: Kind;
  state: 'queued' | 'entering' | 'waiting' | 'ended';
  isAborted: boolean;
}

/** What the embedder sees: the imports that are under way, in the order in which they began, and what the calls have answered. */
interface Seen {
  readonly begun: readonly number[];
  readonly ended: Readonly<Record<number, unknown>>;
}

/** The model: a queue in front of the instance, a line of tasks that may not begin yet, and the guest's wish that none begins. */
class Model {
  readonly #concurrency: number;
  readonly calls: ModelCall[] = [];
  readonly #begun: ModelCall[] = [];
  readonly #ended: Record<number, unknown> = {};
  #holds = 0;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  get seen(): Seen {
    return { begun: this.#begun.map(({ n }) => n), ended: { ...this.#ended } };
  }

  call(kind: Kind): void {
    this.calls.push({ n: this.calls.length, kind, state: 'queued', isAborted: false });
    this.#goOn();
  }

  answer(call: ModelCall): void {
    if (call.kind === 'hold') this.#holds -= 1;
    this.#end(call, call.isAborted ? 'RUNTIME_ABORTED' : call.n);
  }

  abort(call: ModelCall): void {
    if (call.isAborted) return;
    call.isAborted = true;
    // A guest that does not listen goes on, and its caller learns that the call was given up when it ends.
    if (call.state === 'waiting' && call.kind === 'stay') return;
    this.#end(call, 'RUNTIME_ABORTED');
  }

  #end(call: ModelCall, outcome: unknown): void {
    const at = this.#begun.indexOf(call);
    // A call that is cancelled leaves its import under way.
    if (at >= 0 && outcome === call.n) this.#begun.splice(at, 1);
    else if (at >= 0 && call.kind === 'stay') this.#begun.splice(at, 1);
    call.state = 'ended';
    this.#ended[call.n] = outcome;
    this.#goOn();
  }

  #goOn(): void {
    const inside = (): number => this.calls.filter(({ state }) => state === 'entering' || state === 'waiting').length;
    for (const call of this.calls) {
      if (call.state === 'queued' && inside() < this.#concurrency) call.state = 'entering';
    }
    for (const call of this.calls) {
      if (call.state !== 'entering' || this.#holds > 0) continue;
      call.state = 'waiting';
      this.#begun.push(call);
      if (call.kind === 'hold') this.#holds += 1;
    }
  }
}

/** Rounds of the event loop, in which everything happens that waits for nothing. */
async function settled(): Promise<void> {
  for (let round = 0; round < 6; round++) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Runs a program in a fresh instance of `interleavingGuest` beside the model.
 * @returns after each step, what was seen and what the model says
 */
export async function runBeside(
  runtime: Runtime,
  guest: Uint8Array,
  { concurrency, steps }: Program,
): Promise<readonly (readonly [seen: Seen, expected: Seen])[]> {
  const pending: { readonly n: number; readonly resolve: (n: number) => void }[] = [];
  const wait = (n: number): Promise<number> => {
    const { promise, resolve } = Promise.withResolvers<number>();
    pending.push({ n, resolve });
    return promise;
  };
  const handle: ComponentHandle = await runtime.load(guest, { imports: { wait }, concurrency, cancel: 'turn' });
  const model = new Model(concurrency);
  const ended: Record<number, unknown> = {};
  const givings: AbortController[] = [];
  const told: (readonly [Seen, Seen])[] = [];
  for (const each of steps) {
    if (each.do === 'call') {
      const n = givings.push(new AbortController()) - 1;
      runtime.call(handle, { name: each.kind, signal: (givings[n] as AbortController).signal }, n).then(
        (value) => {
          ended[n] = value;
        },
        (error: { readonly code: string }) => {
          ended[n] = error.code;
        },
      );
      model.call(each.kind);
    } else {
      const open = model.calls.filter(({ state, kind }) =>
        each.do === 'answer' ? state === 'waiting' : state !== 'ended' && !(kind === 'hold' && state === 'waiting'),
      );
      const call = open[each.pick % Math.max(1, open.length)];
      if (call === undefined) continue;
      if (each.do === 'answer') {
        const at = pending.findIndex(({ n }) => n === call.n);
        pending.splice(at, 1)[0]?.resolve(call.n);
        model.answer(call);
      } else {
        givings[call.n]?.abort();
        model.abort(call);
      }
    }
    await settled();
    told.push([{ begun: pending.map(({ n }) => n), ended: { ...ended } }, model.seen]);
  }
  await runtime.unload(handle);
  return told;
}
