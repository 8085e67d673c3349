/** One place at which the limiter is made wrong, and the tests that are to notice. */
export interface Mutation {
  readonly name: string;
  readonly file: string;
  /** A text that stands there once, and what takes its place. */
  readonly from: string;
  readonly to: string;
  readonly tests: readonly string[];
}

const TANK = 'src/metering/tank/tank.ts';
const MEMORY = 'src/metering/tank/store-memory.ts';

const FUEL = ['test/metering/tank/fuel-tank.test.ts', 'test/metering/limits.property.test.ts'];
const TIME = ['test/metering/tank/fuel-tank.test.ts', 'test/metering/deadline.property.test.ts'];
const BYTES = ['test/metering/tank/memory-limit.property.test.ts'];
const STOP = ['test/metering/uncatchable.test.ts'];

/** Of what bounds a guest: fuel, time, memory, and that what is spent stays so. */
export const LIMITS: readonly Mutation[] = [
  {
    name: 'fuel: one unit more is let through at a refill',
    file: TANK,
    from: 'if (consumed > this.#limit) {',
    to: 'if (consumed > this.#limit + 1) {',
    tests: FUEL,
  },
  {
    name: 'fuel: a call that returns is not compared with its limit',
    file: TANK,
    from: 'const over = left < 0 && consumed > this.#limit;',
    to: 'const over = false;',
    tests: FUEL,
  },
  {
    name: 'fuel: slices reach beyond the limit',
    file: TANK,
    from: 'this.#given = Math.min(consumed + this.#slice, this.#limit);',
    to: 'this.#given = consumed + this.#slice;',
    tests: [...FUEL, 'test/metering/slices.property.test.ts'],
  },
  {
    name: 'fuel: the first slice reaches beyond the limit',
    file: TANK,
    from: `    this.#timeMs = Math.min(budget.timeMs ?? LONGEST_MS, LONGEST_MS);
    this.#opening = Math.min(this.#slice, this.#limit);`,
    to: `    this.#timeMs = Math.min(budget.timeMs ?? LONGEST_MS, LONGEST_MS);
    this.#opening = this.#slice;`,
    tests: FUEL,
  },
  {
    name: 'fuel: instantiation costs nothing',
    file: TANK,
    from: "let fuel = metadata.mode === 'fuel' ? metadata.startupFuel : 0;",
    to: 'let fuel = 0;',
    tests: ['test/metering/reference/programs.test.ts'],
  },
  {
    name: 'fuel: earlier calls are forgotten',
    file: TANK,
    from: 'this.#earlierFuel += this.#callFuel;',
    to: '',
    tests: FUEL,
  },
  {
    name: 'time: the limit is 20 s',
    file: TANK,
    from: 'this.#timeMs = Math.min(budget.timeMs ?? LONGEST_MS, LONGEST_MS);',
    to: 'this.#timeMs = 20_000;',
    tests: TIME,
  },
  {
    name: 'time: the limit is twice as long',
    file: TANK,
    from: 'this.#timeMs = Math.min(budget.timeMs ?? LONGEST_MS, LONGEST_MS);',
    to: 'this.#timeMs = 2 * Math.min(budget.timeMs ?? LONGEST_MS, LONGEST_MS);',
    tests: TIME,
  },
  {
    name: 'time: a refill does not look at the clock',
    file: TANK,
    from: 'if (now - this.#begun > this.#timeMs) {',
    to: 'if (false) {',
    tests: TIME,
  },
  {
    name: 'time: a call that returns late has succeeded',
    file: TANK,
    from: 'else if (this.endedAt - this.#begun > this.#timeMs) this.#fail(this.#deadline());',
    to: '',
    tests: TIME,
  },
  {
    name: 'time: a call begins when the first did',
    file: TANK,
    from: 'this.#begun = now ?? this.#now();',
    to: 'this.#begun ||= now ?? this.#now();',
    tests: TIME,
  },
  {
    name: 'time: slices grow without bound',
    file: TANK,
    from: 'this.#slice = Math.max(smallest, Math.min(largest, Math.round(rate * MILLISECONDS_PER_SLICE)));',
    to: 'this.#slice = Math.max(smallest, Math.round(rate * MILLISECONDS_PER_SLICE) * 1_000);',
    tests: [...TIME, 'test/metering/overshoot.test.ts'],
  },
  {
    name: 'memory: twice the limit may be reserved',
    file: MEMORY,
    from: 'if (!(bytes <= this.left)) return false;',
    to: 'if (!(bytes <= this.left + this.limit)) return false;',
    tests: BYTES,
  },
  {
    name: 'memory: one byte more may be reserved',
    file: MEMORY,
    from: 'if (!(bytes <= this.left)) return false;',
    to: 'if (!(bytes <= this.left + 1)) return false;',
    tests: BYTES,
  },
  {
    name: 'memory: the initial size is not charged',
    file: TANK,
    from: 'if (!this.#memory.reserve(bytes)) {',
    to: 'if (false) {',
    tests: BYTES,
  },
  {
    name: 'memory: growth is never refused',
    file: TANK,
    from: "if (this.#state === 'running' && memory.reserve(bytes)) return 1;",
    to: 'return 1;',
    tests: BYTES,
  },
  {
    name: 'memory: a refused growth is not counted',
    file: TANK,
    from: 'memory.refusedGrowths++;',
    to: '',
    tests: BYTES,
  },
  {
    name: 'memory: objects are not charged',
    file: TANK,
    from: 'const beyond = this.#memory.allocate(-left);',
    to: 'const beyond = 65_536;',
    tests: BYTES,
  },
  {
    name: 'memory: the pool of the runtime is not asked',
    file: MEMORY,
    from: 'if (this.#pool !== undefined && !this.#pool.reserve(bytes)) return false;',
    to: '',
    tests: BYTES,
  },
  {
    name: 'memory: what ends gives nothing back',
    file: MEMORY,
    from: 'this.release(this.#reserved);',
    to: '',
    tests: BYTES,
  },
  {
    name: 'spent: a store that was stopped may run on',
    file: TANK,
    from: `  stop(reason: VivariumError): void {
    if (this.#state === 'running') this.#settle(this.left);
    this.#fail(reason);`,
    to: `  stop(reason: VivariumError): void {
    if (this.#state === 'running') this.#settle(this.left);
    this.#failure ??= reason;`,
    tests: STOP,
  },
  {
    name: 'spent: the counter is left as it was when a budget is spent',
    file: TANK,
    from: `    this.#state = 'spent';
    this.left = SPENT;`,
    to: `    this.#state = 'spent';`,
    tests: STOP,
  },
  {
    name: 'spent: a tank that failed begins another call',
    file: TANK,
    from: "if (this.#state === 'spent') throw this.#failure ?? spent('the tank is spent; make a new one');\n    if (this.#state === 'running')",
    to: "if (this.#state === 'running')",
    tests: [...STOP, ...FUEL],
  },
];
