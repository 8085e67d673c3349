// Generated programs in which guests and JavaScript are the two sides of streams and futures: a `ReadableStream` or an iterable that a
// guest reads, a stream that JavaScript reads, and promises both ways. Beside them runs a model that knows the values and what must have
// happened once nothing moves any more; how many values pass at a time is free.
import { setImmediate as afterEventLoop } from 'node:timers/promises';
import fc from 'fast-check';
import type { Runtime } from '../../src/index.ts';
import { BLOCKED, does, ends, event, type Script, ScriptedGuests, type Step } from './scripted-guests/index.ts';
import type { Seen } from './stream-programs.ts';

const PAYLOADS = ['none', 'bytes', 'words', 'texts', 'pairs'] as const;
type Payload = (typeof PAYLOADS)[number];
type Kind = 'stream' | 'future';
type Doing<T> = Generator<Step, T, bigint>;

const [COMPLETED, DROPPED, CANCELLED] = [0, 1, 2];
const EVENTS = { stream: { reads: 2, writes: 3 }, future: { reads: 4, writes: 5 } } as const;
const SIZES: Readonly<Record<Payload, number>> = { none: 0, bytes: 1, words: 4, texts: 8, pairs: 8 };
const FIRST_ADDRESS = 4_096;
/** At most five values, and the texts that they point to. */
const COPY_BYTES = 128;

const end = fc.nat(3);
const step = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('open' as const),
      kind: fc.constantFrom<Kind>('stream', 'stream', 'future'),
      payload: fc.constantFrom<Payload>(...PAYLOADS),
      guest: fc.constantFrom('reads' as const, 'writes' as const),
      /** What JavaScript gives, where it writes. */
      source: fc.constantFrom('ReadableStream' as const, 'async iterable' as const),
      /** Whether the guest passes on to JavaScript what JavaScript has given. */
      passesOn: fc.boolean(),
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('copy' as const), end, length: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), end }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), end }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('collect' as const), end }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('host goes on' as const), end, count: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('host ends' as const), end }) },
);
type ProgramStep = typeof step extends fc.Arbitrary<infer T> ? T : never;
type StepTo<D extends ProgramStep['do']> = Extract<ProgramStep, { readonly do: D }>;
export const hostStreamPrograms: fc.Arbitrary<readonly ProgramStep[]> = fc
  .tuple(
    fc.array(
      step.filter((each) => each.do === 'open'),
      { minLength: 1, maxLength: 2 },
    ),
    fc.array(step, { minLength: 1, maxLength: 50, size: 'max' }),
  )
  .map(([opening, rest]) => [...opening, ...rest]);

/** JavaScript as the writer of a stream or future. */
class HostSource {
  readonly given: unknown;
  readonly values: number[] = [];
  isEnded = false;
  stops = 0;
  readonly #payload: Payload;
  readonly #waiting: (() => void)[] = [];
  readonly #items: unknown[] = [];

  constructor(kind: Kind, payload: Payload, source: 'ReadableStream' | 'async iterable') {
    this.#payload = payload;
    if (kind === 'future') this.given = this.#next().then(({ value }) => value);
    else if (source === 'ReadableStream') {
      this.given = new ReadableStream<unknown>(
        {
          pull: async (controller) => {
            const { value, done } = await this.#next();
            if (done) controller.close();
            else controller.enqueue(value);
          },
          cancel: () => this.#stopped(),
        },
        { highWaterMark: 0 },
      );
    } else {
      this.given = {
        [Symbol.asyncIterator]: () => ({
          next: () => this.#next(),
          return: async () => {
            this.#stopped();
            return { done: true, value: undefined };
          },
        }),
      };
    }
  }

  /** Has some more values: bytes in one portion, others one by one. */
  push(values: readonly number[]): void {
    this.values.push(...values);
    if (this.#payload === 'bytes') this.#items.push(Uint8Array.from(values));
    else for (const value of values) this.#items.push(javaScriptOf(this.#payload, value));
    this.#wake();
  }

  /** The one value of a future. */
  resolve(value: number): void {
    this.values.push(value);
    this.#items.push(javaScriptOf(this.#payload, value));
    this.isEnded = true;
    this.#wake();
  }

  end(): void {
    this.isEnded = true;
    this.#wake();
  }

  #stopped(): void {
    this.stops += 1;
    this.#wake();
  }

  async #next(): Promise<{ done: boolean; value: unknown }> {
    while (this.#items.length === 0 && !this.isEnded && this.stops === 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.#items.length > 0 ? { done: false, value: this.#items.shift() } : { done: true, value: undefined };
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** JavaScript as the reader of a stream or future. */
class HostReading {
  readonly got: number[] = [];
  isOver = false;
  isCancelled = false;
  failure: unknown;
  asked = 0;
  readonly #payload: Payload;
  readonly #next: () => Promise<{ done?: boolean | undefined; value?: unknown }>;
  readonly #stop: () => unknown;
  #last: Promise<void> = Promise.resolve();

  constructor(kind: Kind, payload: Payload, what: unknown) {
    this.#payload = payload;
    if (kind === 'future') {
      this.#next = async () => ({ value: await what });
      this.#stop = () => {};
    } else if (what instanceof ReadableStream) {
      const reader = what.getReader();
      this.#next = () => reader.read();
      this.#stop = () => reader.cancel();
    } else {
      const iterator = what as AsyncIterator<unknown>;
      this.#next = () => iterator.next();
      this.#stop = () => iterator.return?.();
    }
  }

  /** Asks for the next portion. */
  ask(): void {
    this.asked += 1;
    this.#last = this.#last.then(async () => {
      try {
        const { value, done } = await this.#next();
        if (done === true) this.isOver = true;
        else if (value instanceof Uint8Array) this.got.push(...value);
        else this.got.push(numberOf(this.#payload, value));
      } catch (error) {
        this.failure = error;
      }
      this.asked -= 1;
    });
  }

  cancel(): void {
    this.isCancelled = true;
    void Promise.resolve(this.#stop()).catch(() => {});
  }
}

function javaScriptOf(payload: Payload, value: number): unknown {
  if (payload === 'none') return undefined;
  if (payload === 'texts') return String(value);
  return payload === 'pairs' ? [value & 0xff, value] : value;
}

function numberOf(payload: Payload, value: unknown): number {
  if (payload === 'none') return value === undefined ? 0 : -1;
  if (payload === 'texts') return Number(value);
  if (payload !== 'pairs') return value as number;
  const [byte, word] = value as [number, number];
  return byte === (word & 0xff) ? word : -1;
}

/** The guest's end, and what is known of it. */
interface End {
  readonly kind: Kind;
  readonly payload: Payload;
  readonly guest: 'reads' | 'writes' | 'passes on';
  readonly handle: number;
  readonly source: HostSource | undefined;
  readonly reading: HostReading | undefined;
  state: 'idle' | 'copying' | 'done' | 'gone';
  copy: { readonly address: number; readonly length: number; readonly values: readonly number[] } | undefined;
  /** Values that the guest has read, or of which it was told that they were taken. */
  readonly passed: number[];
}

class Run {
  readonly #guests: ScriptedGuests;
  readonly #ends: End[] = [];
  #given: HostSource | undefined;
  #taken: HostReading | undefined;
  #address = FIRST_ADDRESS;
  #set = 0;
  #values = 1;
  readonly seen: Seen[] = [];

  constructor(runtime: Runtime) {
    this.#guests = new ScriptedGuests(runtime, PAYLOADS, {
      give: () => this.#given?.given,
      take: (kind, payload, what) => {
        this.#taken = new HostReading(kind, payload as Payload, what);
      },
    });
  }

  async run(program: readonly ProgramStep[]): Promise<readonly Seen[]> {
    await this.#guests.load();
    await this.#guests.call('b', 'blocking', this.#drive(program));
    await this.#guests.unload();
    return this.seen;
  }

  *#drive(program: readonly ProgramStep[]): Script {
    this.#set = yield* does('waitable-set.new');
    for (const each of program) {
      yield* this.#step(each);
      yield* this.#settle();
    }
    yield* this.#finish();
    for (const { reading } of this.#ends) this.#saw('a reader that failed', reading?.failure !== undefined, false);
    return 0;
  }

  *#step(each: ProgramStep): Doing<void> {
    if (each.do === 'open') {
      yield* this.#open(each);
      return;
    }
    const found = this.#ends[each.end % Math.max(1, this.#ends.length)];
    if (found === undefined) return;
    if (each.do === 'copy') yield* this.#copy(found, each.length);
    else if (each.do === 'cancel') yield* this.#cancel(found);
    else if (each.do === 'drop') yield* this.#drop(found);
    else if (each.do === 'collect') yield* this.#collect(found);
    else if (each.do === 'host goes on') this.#hostGoesOn(found, each.count);
    else this.#hostEnds(found);
  }

  *#open({ kind, payload, guest, source, passesOn }: StepTo<'open'>): Doing<void> {
    if (this.#ends.length === 4) return;
    const common = { kind, payload, copy: undefined, passed: [] };
    if (guest === 'writes') {
      const { reader, writer } = yield* ends(kind, payload);
      yield* does(`${kind}.to-host ${payload}`, reader);
      yield* does('waitable.join', writer, this.#set);
      this.#ends.push({ ...common, guest, handle: writer, state: 'idle', source: undefined, reading: this.#taken });
      return;
    }
    const given = new HostSource(kind, payload, source);
    this.#given = given;
    const handle = yield* does(`${kind}.from-host ${payload}`);
    if (passesOn) {
      yield* does(`${kind}.to-host ${payload}`, handle);
      const both = { source: given, reading: this.#taken };
      this.#ends.push({ ...common, ...both, guest: 'passes on', handle: 0, state: 'gone' });
      return;
    }
    yield* does('waitable.join', handle, this.#set);
    this.#ends.push({ ...common, guest, handle, state: 'idle', source: given, reading: undefined });
  }

  *#copy(found: End, most: number): Doing<void> {
    const { kind, payload, guest, handle } = found;
    if (found.state !== 'idle') return;
    const length = kind === 'future' ? 1 : most;
    const address = this.#address;
    this.#address += COPY_BYTES;
    const values = guest === 'writes' ? Array.from({ length }, () => this.#value(payload)) : [];
    for (const [index, value] of values.entries()) yield* this.#store(payload, address, index, value);
    found.copy = { address, length, values };
    found.state = 'copying';
    const way = guest === 'writes' ? 'write' : 'read';
    const args = kind === 'future' ? [handle, address] : [handle, address, length];
    const answer = yield* does(`${kind}.${way} ${payload}`, ...args);
    if (answer !== BLOCKED) yield* this.#ended(found, answer, false);
  }

  *#store(payload: Payload, address: number, index: number, value: number): Doing<void> {
    const to = address + index * SIZES[payload];
    if (payload === 'bytes') yield* does('store 8', to, value);
    else if (payload === 'words') yield* does('store 32', to, value);
    else if (payload === 'pairs') {
      yield* does('store 8', to, value);
      yield* does('store 32', to + 4, value);
    } else if (payload === 'texts') {
      const text = address + 48 + index * 8;
      const bytes = Buffer.from(String(value));
      for (const [offset, byte] of bytes.entries()) yield* does('store 8', text + offset, byte);
      yield* does('store 32', to, text);
      yield* does('store 32', to + 4, bytes.length);
    }
  }

  *#load(payload: Payload, address: number, index: number): Doing<number> {
    const from = address + index * SIZES[payload];
    if (payload === 'none') return 0;
    if (payload === 'bytes') return yield* does('load 8', from);
    if (payload === 'words') return yield* does('load 32', from);
    if (payload === 'pairs') {
      const byte = yield* does('load 8', from);
      const word = yield* does('load 32', from + 4);
      return byte === (word & 0xff) ? word : -1;
    }
    const [text, length] = [yield* does('load 32', from), yield* does('load 32', from + 4)];
    const bytes: number[] = [];
    for (let offset = 0; offset < length; offset++) bytes.push(yield* does('load 8', text + offset));
    return Number(Buffer.from(bytes).toString());
  }

  #value(payload: Payload): number {
    const value = this.#values++;
    return payload === 'none' ? 0 : payload === 'bytes' ? (value % 255) + 1 : value;
  }

  /** A copy has ended: counts what has passed, and compares it with what the other side had or got. */
  *#ended(found: End, answer: number, cancelled: boolean): Doing<void> {
    const { kind, payload, guest, copy, source, reading, passed } = found;
    if (copy === undefined) throw new Error('no copy is under way');
    const result = answer & 0xf;
    const progress = kind === 'future' ? (result === COMPLETED ? 1 : 0) : answer >>> 4;
    found.copy = undefined;
    found.state = result === DROPPED || (kind === 'future' && result === COMPLETED) ? 'done' : 'idle';
    this.#saw('a result that there is', [COMPLETED, DROPPED, CANCELLED].includes(result), true);
    this.#saw('only a copy that is cancelled ends as such', result === CANCELLED && !cancelled, false);
    this.#saw('progress within what was asked for', progress <= copy.length, true);
    if (guest === 'writes') {
      passed.push(...copy.values.slice(0, progress));
      if (result === DROPPED) this.#saw('a reader that has gone', reading?.isCancelled, true);
      return;
    }
    const got: number[] = [];
    for (let index = 0; index < progress; index++) got.push(yield* this.#load(payload, copy.address, index));
    this.#saw('what a guest has read', got, source?.values.slice(passed.length, passed.length + progress));
    passed.push(...got);
    if (result === DROPPED) {
      this.#saw('an end behind the last value', [source?.isEnded, passed.length], [true, source?.values.length]);
    }
  }

  *#cancel(found: End): Doing<void> {
    if (found.state !== 'copying') return;
    const way = found.guest === 'writes' ? 'write' : 'read';
    const answer = yield* does(`${found.kind}.cancel-${way} ${found.payload}`, found.handle);
    this.#saw('a cancellation is answered at once', answer === BLOCKED, false);
    yield* this.#ended(found, answer, true);
  }

  *#drop(found: End): Doing<void> {
    const { kind, payload, guest, handle, state } = found;
    const mayDrop = state === 'done' || (state === 'idle' && (kind === 'stream' || guest === 'reads'));
    if (!mayDrop) return;
    yield* does(`${kind}.drop-${guest === 'writes' ? 'writable' : 'readable'} ${payload}`, handle);
    found.state = 'gone';
  }

  /** Takes the event of any end whose copy has ended. */
  *#collect(found: End): Doing<void> {
    const told = yield* event('poll', this.#set);
    const at = this.#ends.find(({ handle, state }) => state === 'copying' && handle === told.handle);
    const mustBe = this.#ends.find((each) => this.#mustHaveEnded(each));
    if (told.event === 0) {
      this.#saw('an event of a copy that must have ended', mustBe === undefined, true);
      return;
    }
    this.#saw('an event of a copy that is under way', at !== undefined, true);
    if (at === undefined) return;
    this.#saw('the kind of event', told.event, EVENTS[at.kind][at.guest === 'writes' ? 'writes' : 'reads']);
    yield* this.#ended(at, told.payload, false);
    if (at !== found && found.state === 'copying') yield* this.#collect(found);
  }

  /** Whether nothing moves any more before this copy has ended. */
  #mustHaveEnded({ state, guest, copy, source, reading, passed, kind }: End): boolean {
    if (state !== 'copying' || copy === undefined) return false;
    if (guest === 'reads') {
      const left = (source?.values.length ?? 0) - passed.length;
      return left > 0 || (source?.isEnded === true && kind === 'stream');
    }
    // The host reads a future at once, and a stream when it is asked to.
    return reading?.isCancelled === true || kind === 'future';
  }

  #hostGoesOn({ kind, payload, source, reading }: End, count: number): void {
    if (source !== undefined && !source.isEnded && source.stops === 0) {
      if (kind === 'future') source.resolve(this.#value(payload));
      else source.push(Array.from({ length: count }, () => this.#value(payload)));
    }
    if (reading !== undefined && reading.asked === 0 && !reading.isOver && !reading.isCancelled) {
      if (kind === 'stream' || reading.got.length === 0) reading.ask();
    }
  }

  #hostEnds({ kind, source, reading, guest }: End): void {
    if (kind === 'future') return;
    if (source !== undefined && guest !== 'passes on') source.end();
    else if (reading !== undefined && !reading.isOver) reading.cancel();
  }

  /** Lets JavaScript and everything between go on until nothing moves, and looks at it. */
  *#settle(): Doing<void> {
    for (let round = 0; round < 3; round++) {
      void afterEventLoop().then(() => this.#guests.answerNext(round));
      yield* does('host.wait-sync', round);
    }
    for (const each of this.#ends) this.#look(each);
  }

  #look(found: End): void {
    const { guest, source, reading, passed, copy, state, kind } = found;
    if (guest === 'writes') {
      const offered = [...passed, ...(copy?.values ?? [])];
      const got = reading?.got ?? [];
      this.#saw('what a host has got', got, offered.slice(0, got.length));
      const isOver = reading?.isOver === true;
      if (isOver && reading?.isCancelled !== true)
        this.#saw('an end behind all values', [state, got], ['gone', passed]);
      if (reading !== undefined && reading.asked > 0 && !reading.isCancelled) {
        this.#saw('what a host that asks has not got', offered.slice(got.length), []);
      }
    } else if (guest === 'passes on') {
      const got = reading?.got ?? [];
      this.#saw('what is passed on', got, source?.values.slice(0, got.length));
      if (reading !== undefined && reading.asked > 0 && !reading.isCancelled) {
        this.#saw('what is not passed on', source?.values.slice(got.length), []);
        this.#saw('an end that is not passed on', source?.isEnded === true && kind === 'stream', false);
      }
      if (reading?.isCancelled === true && source?.isEnded === false)
        this.#saw('a source that is told', source.stops, 1);
    } else if (state === 'gone' && kind === 'stream' && source?.isEnded === false) {
      this.#saw('a source whose reader has gone is told', source.stops, 1);
    }
    if (source !== undefined) this.#saw('a source is told once', source.stops <= 1, true);
  }

  /** Writes no more, lets the host read the rest, and compares all of it. */
  *#finish(): Doing<void> {
    for (const found of this.#ends) {
      const { reading, kind, guest } = found;
      if (guest !== 'writes' || reading === undefined || kind === 'future') continue;
      if (found.state === 'copying') yield* this.#cancel(found);
      yield* this.#drop(found);
      for (let round = 0; !reading.isOver && !reading.isCancelled && round < 40; round++) {
        if (reading.asked === 0) reading.ask();
        yield* this.#settle();
      }
      if (!reading.isCancelled) this.#saw('all that was taken', [reading.isOver, reading.got], [true, found.passed]);
    }
  }

  #saw(what: string, seen: unknown, expected: unknown): void {
    // Copies, because what was seen goes on to change.
    this.seen.push([what, structuredClone(seen), structuredClone(expected)]);
  }
}

/** Runs a program in guests of its own. @returns what was seen, and what the model says */
export function runHostStreamProgram(runtime: Runtime, program: readonly ProgramStep[]): Promise<readonly Seen[]> {
  return new Run(runtime).run(program);
}
