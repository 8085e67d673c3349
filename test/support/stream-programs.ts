// Generated programs of two component instances that read, write, cancel, drop and hand over the ends of streams and futures, of which
// some carry resources, and that lend resources to tasks.
import fc from 'fast-check';
import type { Runtime } from '../../src/index.ts';
import {
  BLOCKED,
  calls,
  does,
  ends,
  event,
  leaves,
  type Script,
  ScriptedGuests,
  type Step,
  setOf,
} from './scripted-guests/index.ts';
import {
  type CopyResult,
  ListBuffer,
  type ReferenceEnd,
  ReferenceFuture,
  ReferenceStream,
} from './stream-reference.ts';

const PAYLOADS = ['none', 'bytes', 'words', 'longs', 'texts', 'pairs', 'things'] as const;
type Payload = (typeof PAYLOADS)[number];
type Instance = 'a' | 'b';
type Side = 'reader' | 'writer';

const pair = fc.nat(3);
const side = fc.constantFrom<Side>('reader', 'writer');

const making = fc.record({
  do: fc.constant('new' as const),
  kind: fc.constantFrom('stream' as const, 'stream' as const, 'future' as const),
  payload: fc.constantFrom<Payload>(...PAYLOADS),
  at: fc.constantFrom<Instance>('a', 'b'),
  handsOver: fc.boolean(),
  joins: fc.record({ reader: fc.boolean(), writer: fc.boolean() }),
});

/** A step picks one of the pairs that there are, and does nothing where it may not be done. */
const step = fc.oneof(
  { weight: 1, arbitrary: making },
  {
    weight: 16,
    arbitrary: fc.record({
      do: fc.constant('copy' as const),
      pair,
      side,
      length: fc.nat(4),
      /** Whether a task of its own does it and waits in it. */
      waits: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('cancel' as const), pair, side, waits: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), pair, side }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('hand over' as const), pair }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('join' as const), pair, side, joins: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lend' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('end a loan' as const), loan: fc.nat(3), cancels: fc.boolean() }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('poll' as const), at: fc.constantFrom<Instance>('a', 'b') }) },
);
type ProgramStep = typeof step extends fc.Arbitrary<infer T> ? T : never;
type StepTo<D extends ProgramStep['do']> = Extract<ProgramStep, { readonly do: D }>;

type StreamProgram = readonly ProgramStep[];
export const streamPrograms: fc.Arbitrary<StreamProgram> = fc
  .tuple(fc.array(making, { minLength: 1, maxLength: 3 }), fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }))
  .map(([makings, steps]) => [...makings, ...steps]);

/** One end of a pair, as its instance and the model have it. */
interface End extends ReferenceEnd {
  readonly isReader: boolean;
  at: Instance;
  handle: number;
  isInSet: boolean;
  /** The copy that is under way. */
  copy: Copy | undefined;
}

interface Copy {
  readonly buffer: ListBuffer;
  readonly address: number;
  /** What a task that waits in it was answered; undefined where it is still waiting, or where none does. */
  answer: number | undefined;
  readonly waits: boolean;
  /** Handles of the resources that a writer offers, with their values. */
  readonly offered: readonly Thing[];
}

/** A resource, as its owner has it. */
interface Thing {
  readonly handle: number;
  readonly value: number;
}

/** A resource that `b` has lent to a task of `a`, which uses it until it is told to end. */
interface Loan {
  readonly thing: Thing;
  subtask: number;
  /** What the borrower found, each time it went on. */
  readonly found: number[];
  isOver: boolean;
}

interface Pair {
  readonly kind: 'stream' | 'future';
  readonly payload: Payload;
  readonly shared: ReferenceStream | ReferenceFuture;
  readonly ends: Readonly<Record<Side, End>>;
}

const RESULTS: readonly CopyResult[] = ['completed', 'dropped', 'cancelled'];
const SUBTASK_EVENT = 1;
const TASK_CANCELLED = 6;
const [STARTED, RETURNED, CANCELLED] = [1, 2, 4];
const EVENTS = { stream: { reader: 2, writer: 3 }, future: { reader: 4, writer: 5 } } as const;
/** Memory of one copy: at most four values, and the texts that they point to. */
const COPY_BYTES = 96;
const FIRST_ADDRESS = 4_096;
const IS_NUMBER: Readonly<Record<Payload, boolean>> = {
  none: true,
  bytes: true,
  words: true,
  longs: true,
  texts: false,
  pairs: false,
  things: false,
};
const SIZES: Readonly<Record<Payload, number>> = {
  none: 0,
  bytes: 1,
  words: 4,
  longs: 8,
  texts: 8,
  pairs: 8,
  things: 4,
};

type Doing<T> = Generator<Step, T, bigint>;

/** What was seen and what the model says, of one thing. */
export type Seen = readonly [what: string, seen: unknown, expected: unknown];

/** Writes the numbers into memory as values of a payload. */
function* stores(payload: Payload, at: number, values: readonly number[]): Doing<void> {
  for (const [index, value] of values.entries()) {
    const to = at + index * SIZES[payload];
    if (payload === 'bytes') yield* does('store 8', to, value);
    else if (payload === 'words') yield* does('store 32', to, value);
    else if (payload === 'longs') {
      yield* does('store 32', to, value);
      yield* does('store 32', to + 4, value + 1);
    } else if (payload === 'pairs') {
      yield* does('store 8', to, value);
      yield* does('store 32', to + 4, value);
    } else if (payload === 'texts') {
      const text = at + 40 + index * 8;
      const bytes = Buffer.from(String(value));
      for (const [offset, byte] of bytes.entries()) yield* does('store 8', text + offset, byte);
      yield* does('store 32', to, text);
      yield* does('store 32', to + 4, bytes.length);
    }
  }
}

/** Reads values of a payload back as numbers. */
function* loads(payload: Payload, at: number, count: number): Doing<number[]> {
  const values: number[] = [];
  for (let index = 0; index < count; index++) {
    const from = at + index * SIZES[payload];
    if (payload === 'none') values.push(0);
    else if (payload === 'things') {
      const thing = yield* does('load 32', from);
      values.push(yield* does('thing.value', thing));
      yield* does('thing.drop', thing);
    } else if (payload === 'bytes') values.push(yield* does('load 8', from));
    else if (payload === 'words') values.push(yield* does('load 32', from));
    else if (payload === 'longs') {
      const low = yield* does('load 32', from);
      values.push((yield* does('load 32', from + 4)) === low + 1 ? low : -1);
    } else if (payload === 'pairs') {
      const byte = yield* does('load 8', from);
      const word = yield* does('load 32', from + 4);
      values.push(byte === (word & 0xff) ? word : -1);
    } else {
      const [text, length] = [yield* does('load 32', from), yield* does('load 32', from + 4)];
      const bytes: number[] = [];
      for (let offset = 0; offset < length; offset++) bytes.push(yield* does('load 8', text + offset));
      values.push(Number(Buffer.from(bytes).toString()));
    }
  }
  return values;
}

/** Runs one program beside the model. The instance `b` is the driver, and calls `a` for what that does. */
class Run {
  readonly #guests: ScriptedGuests;
  readonly #pairs: Pair[] = [];
  readonly #sets = new Map<Instance, number>();
  readonly #addresses: Record<Instance, number> = { a: FIRST_ADDRESS, b: FIRST_ADDRESS };
  readonly #loans: Loan[] = [];
  /** Resources of `b` that were lent and came back. */
  readonly #owned: Thing[] = [];
  /** Resources that nobody has any more. */
  #gone = 0;
  #values = 1;
  readonly seen: Seen[] = [];

  constructor(guests: ScriptedGuests) {
    this.#guests = guests;
  }

  *drive(program: StreamProgram): Script {
    for (const at of ['a', 'b'] as const) this.#sets.set(at, yield* this.#at(at, () => does('waitable-set.new')));
    for (const each of program) {
      yield* this.#step(each);
      yield* this.#settle();
    }
    this.#saw('resources that are gone', yield* does('things.gone'), this.#gone);
    return 0;
  }

  *#step(each: ProgramStep): Doing<void> {
    if (each.do === 'new') yield* this.#new(each);
    else if (each.do === 'poll') yield* this.#poll(each);
    else if (each.do === 'lend') yield* this.#lend();
    else if (each.do === 'end a loan') yield* this.#endLoan(each);
    else {
      const found = this.#pairs[each.pair % Math.max(1, this.#pairs.length)];
      if (found === undefined) return;
      if (each.do === 'copy') yield* this.#copy(found, each);
      else if (each.do === 'cancel') yield* this.#cancel(found, each);
      else if (each.do === 'drop') yield* this.#drop(found, each);
      else if (each.do === 'join') yield* this.#join(found, each);
      else yield* this.#handOver(found);
    }
  }

  /** Does something in an instance. */
  *#at<T>(at: Instance, work: () => Doing<T>): Doing<T> {
    if (at === 'b') return yield* work();
    let answer: T | undefined;
    const script = (function* (): Script {
      answer = yield* work();
      return 0;
    })();
    yield* does('call-sync plain', this.#guests.script(script));
    return answer as T;
  }

  *#new({ kind, payload, at, handsOver, joins }: StepTo<'new'>): Doing<void> {
    if (this.#pairs.length === 4) return;
    const made = yield* this.#at(at, () => ends(kind, payload));
    const end = (which: Side): End => ({
      isReader: which === 'reader',
      at,
      handle: made[which],
      isInSet: false,
      copy: undefined,
      event: undefined,
      state: 'idle',
    });
    const shared = kind === 'stream' ? new ReferenceStream() : new ReferenceFuture();
    const found = { kind, payload, shared, ends: { reader: end('reader'), writer: end('writer') } };
    const number = this.#pairs.push(found) - 1;
    if (handsOver) yield* this.#handOver(found);
    for (const which of ['reader', 'writer'] as const) {
      if (joins[which]) yield* this.#join(found, { do: 'join', pair: number, side: which, joins: true });
    }
  }

  *#copy({ kind, payload, shared, ends: both }: Pair, given: StepTo<'copy'>): Doing<void> {
    const end = both[given.side];
    const other = both[given.side === 'reader' ? 'writer' : 'reader'];
    if (end.state !== 'idle') return;
    // Values other than numbers do not pass within one instance, and only tasks of `a` wait.
    if (!IS_NUMBER[payload] && end.at === other.at) return;
    const waits = given.waits && end.at === 'a' && !end.isInSet;
    const length = kind === 'future' ? 1 : given.length;
    const returned = !end.isReader && payload === 'things' && end.at === 'b' ? this.#owned.splice(0, length) : [];
    const values = end.isReader
      ? []
      : Array.from({ length }, (_, index) => returned[index]?.value ?? this.#value(payload));
    const address = this.#addresses[end.at];
    this.#addresses[end.at] += COPY_BYTES;
    const offered: Thing[] = [];
    const copy: Copy = { buffer: new ListBuffer(length, values), address, answer: undefined, waits, offered };
    end.copy = copy;
    shared.copy(end, copy.buffer, end.isReader);
    const way = end.isReader ? 'read' : 'write';
    const args = kind === 'future' ? [end.handle, address] : [end.handle, address, length];
    if (payload === 'things' && !end.isReader)
      offered.push(...(yield* this.#offers(end.at, address, values, returned)));
    else if (!end.isReader) yield* this.#at(end.at, () => stores(payload, address, values));
    if (waits) {
      const waiting = (function* (): Script {
        copy.answer = yield* does(`${kind}.${way}-sync ${payload}`, ...args);
        yield* does('task.return', 0);
        return 0;
      })();
      yield* calls('stackful', this.#guests.script(waiting));
      return;
    }
    const answer = yield* this.#at(end.at, () => does(`${kind}.${way} ${payload}`, ...args));
    if (end.event === undefined) this.#saw(`${way} goes on`, answer, BLOCKED);
    else yield* this.#ended({ kind, payload, shared, ends: both }, end, answer, way);
  }

  /** Puts handles of resources where a writer offers them: some that came back from a loan, or new ones. */
  *#offers(at: Instance, address: number, values: readonly number[], returned: readonly Thing[]): Doing<Thing[]> {
    const things: Thing[] = [];
    for (const [index, value] of values.entries()) {
      const handle = returned[index]?.handle ?? (yield* this.#at(at, () => does('thing.new', value)));
      things.push({ handle, value });
      yield* this.#at(at, () => does('store 32', address + index * SIZES.things, handle));
    }
    return things;
  }

  /** Drops resources that were offered and that nobody has taken. */
  *#keeps(things: readonly Thing[]): Doing<void> {
    for (const { handle, value } of things) {
      this.#saw('a resource that nobody took', yield* does('thing.value', handle), value);
      yield* does('thing.drop', handle);
    }
  }

  *#lend(): Doing<void> {
    if (this.#loans.length === 4) return;
    const value = this.#values++;
    const thing = { handle: yield* does('thing.new', value), value };
    const loan: Loan = { thing, subtask: 0, found: [], isOver: false };
    const script = (function* (): Script {
      const lent = yield* does('thing.lent');
      let cancelled = false;
      while (!loan.isOver && !cancelled) {
        loan.found.push(yield* does('thing.value', lent));
        cancelled = (yield* leaves('yield')).event === TASK_CANCELLED;
      }
      yield* does('thing.drop', lent);
      if (cancelled) yield* does('task.cancel');
      else yield* does('task.return', 0);
      return 0;
    })();
    const status = yield* does('call lent', thing.handle, this.#guests.script(script), 1_024);
    this.#saw('a task that is lent a resource', status & 0xf, STARTED);
    loan.subtask = status >>> 4;
    this.#loans.push(loan);
  }

  *#endLoan({ loan: number, cancels }: StepTo<'end a loan'>): Doing<void> {
    const [loan] = this.#loans.splice(number % Math.max(1, this.#loans.length), 1);
    if (loan === undefined) return;
    const { thing, subtask, found } = loan;
    if (cancels) this.#saw('a loan that is cancelled', yield* does('subtask.cancel-sync', subtask), CANCELLED);
    else {
      loan.isOver = true;
      const set = yield* setOf(subtask);
      this.#saw('a loan that ends', yield* event('wait', set), {
        event: SUBTASK_EVENT,
        handle: subtask,
        payload: RETURNED,
      });
    }
    yield* does('subtask.drop', subtask);
    this.#saw(
      'what a borrower found',
      found.every((each) => each === thing.value),
      true,
    );
    this.#owned.push(thing);
  }

  /** A value that is not 0 and fits the payload. */
  #value(payload: Payload): number {
    const value = this.#values++;
    return payload === 'none' ? 0 : payload === 'bytes' ? (value % 255) + 1 : value;
  }

  /** Compares how a copy has ended with what the model delivers, and what its reader has got. */
  *#ended({ kind, payload }: Pair, end: End, answer: number | undefined, what: string): Doing<void> {
    const { event: deliver, copy } = end;
    if (deliver === undefined || copy === undefined) throw new Error('the model has no event');
    end.event = undefined;
    end.copy = undefined;
    const [result, progress] = deliver();
    this.#saw(what, answer, RESULTS.indexOf(result) | (kind === 'future' ? 0 : progress << 4));
    if (!end.isReader) {
      const left = copy.offered.slice(copy.buffer.progress);
      this.#gone += left.length;
      yield* this.#at(end.at, () => this.#keeps(left));
      return;
    }
    if (payload === 'things') this.#gone += copy.buffer.got.length;
    const got = yield* this.#at(end.at, () => loads(payload, copy.address, copy.buffer.got.length));
    this.#saw(`what a ${what} got`, got, copy.buffer.got);
  }

  *#cancel(found: Pair, given: StepTo<'cancel'>): Doing<void> {
    const end = found.ends[given.side];
    if (end.state !== 'copying' || end.copy?.waits === true) return;
    found.shared.cancel(end);
    const way = `cancel-${end.isReader ? 'read' : 'write'}`;
    const operation = `${found.kind}.${way}${given.waits && !end.isInSet && end.at === 'b' ? '-sync' : ''} ${found.payload}`;
    const answer = yield* this.#at(end.at, () => does(operation, end.handle));
    yield* this.#ended(found, end, answer, way);
  }

  *#drop({ kind, payload, shared, ends: both }: Pair, given: StepTo<'drop'>): Doing<void> {
    const end = both[given.side];
    const mayDrop = end.state === 'done' || (end.state === 'idle' && (kind === 'stream' || end.isReader));
    if (!mayDrop) return;
    shared.drop(end);
    end.isInSet = false;
    const operation = `${kind}.drop-${end.isReader ? 'readable' : 'writable'} ${payload}`;
    yield* this.#at(end.at, () => does(operation, end.handle));
  }

  *#handOver({ kind, payload, ends: { reader } }: Pair): Doing<void> {
    if (reader.state !== 'idle' || reader.isInSet) return;
    const way = reader.at === 'b' ? 'give' : 'take';
    reader.handle = yield* does(`${kind}.${way} ${payload}`, reader.handle);
    reader.at = reader.at === 'b' ? 'a' : 'b';
  }

  *#join({ ends: both }: Pair, given: StepTo<'join'>): Doing<void> {
    const end = both[given.side];
    if (end.state === 'gone' || (end.copy?.waits === true && end.state === 'copying')) return;
    end.isInSet = given.joins;
    const set = given.joins ? (this.#sets.get(end.at) as number) : 0;
    yield* this.#at(end.at, () => does('waitable.join', end.handle, set));
  }

  /** Takes an event of a set: any of those that there are. */
  *#poll({ at }: StepTo<'poll'>): Doing<void> {
    const { event: code, handle, payload } = yield* this.#at(at, () => event('poll', this.#sets.get(at) as number));
    const all = this.#pairs.flatMap((found) =>
      (['reader', 'writer'] as const).map((which) => ({ found, which, end: found.ends[which] })),
    );
    const ready = all.filter(({ end }) => end.at === at && end.isInSet && end.event !== undefined);
    const told = ready.find(({ end }) => end.handle === handle);
    this.#saw('whether an event is there', code !== 0, ready.length > 0);
    if (told === undefined) {
      this.#saw('an event of what has one', code, 0);
      return;
    }
    this.#saw('the kind of event', code, EVENTS[told.found.kind][told.which]);
    yield* this.#ended(told.found, told.end, payload, `event of a ${told.which}`);
  }

  /** Lets the tasks that wait go on, and compares what they were answered. */
  *#settle(): Doing<void> {
    for (let round = 0; round < 3; round++) yield* does('thread.yield');
    for (const found of this.#pairs) {
      for (const end of [found.ends.reader, found.ends.writer]) {
        const { copy } = end;
        if (copy === undefined || !copy.waits) continue;
        const way = end.isReader ? 'read' : 'write';
        if (end.event === undefined) this.#saw(`a waiting ${way}`, copy.answer, undefined);
        else yield* this.#ended(found, end, copy.answer, `waiting ${way}`);
      }
    }
  }

  #saw(what: string, seen: unknown, expected: unknown): void {
    this.seen.push([what, seen, expected]);
  }
}

/** Runs a program in guests of its own. @returns what was seen, and what the model says */
export async function runStreamProgram(runtime: Runtime, program: StreamProgram): Promise<readonly Seen[]> {
  const guests = await new ScriptedGuests(runtime, PAYLOADS).load();
  const run = new Run(guests);
  await guests.call('b', 'blocking', run.drive(program));
  await guests.unload();
  return run.seen;
}
