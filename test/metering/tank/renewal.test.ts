import { describe, expect, it } from 'vitest';
import { Quota } from '#core/limits';
import type { Tank } from '#core/ports/meter';
import type { RenewedInstances, StartImage } from '#core/ports/renewal';
import { RewritingMeter } from '#metering';
import { metadataOf } from '../../../src/metering/metadata.ts';
import { assemble } from '../../../tools/metering/wat.ts';
import { BUDGET } from '../support/guest.ts';

type Func = (...args: unknown[]) => unknown;

const meter = new RewritingMeter();
const MOST = 2 ** 26;
const MOST_OF_IMAGE = 2 ** 24;

/** Stores with the same core modules, one after the other. Each module may import what the one before it exports, as `before`. */
class Stores {
  readonly #modules: readonly WebAssembly.Module[];
  image: StartImage | undefined;
  tank: Tank = meter.createTank({ maxMemoryBytes: MOST });
  exports: readonly WebAssembly.Exports[] = [];

  private constructor(modules: readonly WebAssembly.Module[]) {
    this.#modules = modules;
  }

  static async of(...texts: string[]): Promise<Stores> {
    const metered = texts.map(
      async (text) => meter.meterModule(await assemble(text), 'fuel', { renewable: true }).bytes,
    );
    const bytes = (await Promise.all(metered)) as Uint8Array<ArrayBuffer>[];
    return new Stores(bytes.map((each) => new WebAssembly.Module(each)));
  }

  /** Makes a store, of these instances if they are given. */
  open(instances?: RenewedInstances): this {
    this.tank = meter.createTank({ maxMemoryBytes: MOST, instances });
    this.run(() => {
      this.exports = this.tank.relink() ?? this.#link();
    });
    this.image ??= this.tank.image(MOST_OF_IMAGE);
    if (this.image !== undefined && instances === undefined) this.tank.keep(this.image);
    return this;
  }

  /** Makes the next store of this one's instances. */
  renew(): this {
    const instances = this.tank.renew();
    if (instances === undefined) throw new Error('not renewed');
    return this.open(instances);
  }

  call(name: string, ...args: unknown[]): unknown {
    const found = this.exports.find((each) => name in each)?.[name] as Func;
    return this.run(() => found(...args));
  }

  run<T>(act: () => T): T {
    this.tank.begin(BUDGET);
    try {
      const result = act();
      this.tank.end();
      return result;
    } catch (thrown) {
      throw this.tank.failure(thrown) ?? thrown;
    }
  }

  #link(): readonly WebAssembly.Exports[] {
    const made: WebAssembly.Exports[] = [];
    for (const module of this.#modules) made.push(this.tank.link(module, { before: made.at(-1) ?? {} }));
    return made;
  }
}

/** A module that returns a number which says what it holds, and changes it. */
const MARKS: readonly (readonly [where: string, text: string])[] = [
  [
    'a byte of memory',
    '(memory 1) (func $read (result i32) (i32.load (i32.const 40))) (func $mark (i32.store (i32.const 40) (i32.const 7)))',
  ],
  [
    'the last byte of a memory that it exports',
    '(memory (export "memory") 2) (func $read (result i32) (i32.load8_u (i32.const 131071))) (func $mark (i32.store8 (i32.const 131071) (i32.const 7)))',
  ],
  [
    'what a data segment has written',
    '(memory 1) (data (i32.const 70) "\\01\\02\\03\\04") (func $read (result i32) (i32.load (i32.const 70))) (func $mark (memory.fill (i32.const 0) (i32.const 9) (i32.const 65536)))',
  ],
  [
    'a second memory',
    '(memory 1) (memory $b 1) (func $read (result i32) (i32.load $b (i32.const 4))) (func $mark (i32.store $b (i32.const 4) (i32.const 7)))',
  ],
  [
    'a global',
    '(global $g (mut i32) (i32.const 5)) (func $read (result i32) (global.get $g)) (func $mark (global.set $g (i32.const 7)))',
  ],
  [
    'a global of 64 bits',
    '(global $g (mut i64) (i64.const -5)) (func $read (result i32) (i32.wrap_i64 (global.get $g))) (func $mark (global.set $g (i64.const 0x7fffffffffff)))',
  ],
  [
    'a global of 32 bits of a fraction',
    '(global $g (mut f32) (f32.const nan:0x200001)) (func $read (result i32) (i32.reinterpret_f32 (global.get $g))) (func $mark (global.set $g (f32.const 1.5)))',
  ],
  [
    'a global of a fraction',
    '(global $g (mut f64) (f64.const 2.5)) (func $read (result i32) (i32.trunc_f64_s (global.get $g))) (func $mark (global.set $g (f64.const 9)))',
  ],
  [
    'a global of a vector',
    '(global $g (mut v128) (v128.const i32x4 1 2 3 4)) (func $read (result i32) (i32x4.extract_lane 3 (global.get $g))) (func $mark (global.set $g (v128.const i32x4 9 9 9 9)))',
  ],
  [
    'a global of a reference',
    '(global $g (mut funcref) (ref.null func)) (elem declare func $read) (func $read (result i32) (ref.is_null (global.get $g))) (func $mark (global.set $g (ref.func $read)))',
  ],
  [
    'a global that it exports',
    '(global $g (export "g") (mut i32) (i32.const 5)) (func $read (result i32) (global.get $g)) (func $mark (global.set $g (i32.const 7)))',
  ],
  [
    'what its start function wrote',
    '(memory 1) (global $g (mut i32) (i32.const 5)) (func $s (global.set $g (i32.const 50)) (i32.store (i32.const 0) (i32.const 500))) (start $s) (func $read (result i32) (i32.add (global.get $g) (i32.load (i32.const 0)))) (func $mark (global.set $g (i32.const 5)) (i32.store (i32.const 0) (i32.const 0)))',
  ],
];

const exported = (text: string): string => `(module ${text} (export "read" (func $read)) (export "mark" (func $mark)))`;

describe('renewed instances', () => {
  it.each(MARKS)('hold what they held at first: %s', async (_, text) => {
    const stores = (await Stores.of(exported(text))).open();
    const [first, fresh] = [stores.exports, stores.call('read')];
    for (let n = 0; n < 3; n++) {
      stores.call('mark');
      expect(stores.call('read')).not.toBe(fresh);
      stores.renew();
      expect(stores.exports).toStrictEqual(first);
      expect(stores.call('read')).toBe(fresh);
    }
  });

  it('hold it where one instance changes the memory and the global of another', async () => {
    const stores = await Stores.of(
      '(module (memory (export "m") 1) (global (export "g") (mut i32) (i32.const 3)) (data (i32.const 0) "\\05"))',
      exported(`(import "before" "m" (memory 1)) (import "before" "g" (global $g (mut i32)))
        (func $read (result i32) (i32.add (i32.load (i32.const 0)) (global.get $g)))
        (func $mark (i32.store (i32.const 0) (i32.const 80)) (global.set $g (i32.const 8)))`),
    );
    stores.open().call('mark');
    expect(stores.call('read')).toBe(88);
    expect(stores.renew().call('read')).toBe(8);
  });

  it('cost what they cost at first, and count from nothing', async () => {
    const stores = await Stores.of(
      exported(`(global $g (mut i32) (i32.const 0)) (func $s (loop $l
        (br_if $l (i32.lt_s (global.get $g) (i32.const 100)) (global.set $g (i32.add (global.get $g) (i32.const 1)))))) (start $s)
        (func $read (result i32) (global.get $g)) (func $mark (global.set $g (i32.const 0)))`),
    );
    const started = stores.open().tank.usage;
    expect(started.callFuel).toBeGreaterThan(500n);
    stores.call('mark');
    const used = stores.tank.usage;
    const { callFuel, totalFuel, memoryBytes } = stores.renew().tank.usage;
    expect({ callFuel, totalFuel, memoryBytes }).toEqual({
      callFuel: started.callFuel,
      totalFuel: started.totalFuel,
      memoryBytes: started.memoryBytes,
    });
    stores.call('mark');
    expect(stores.tank.usage.totalFuel).toBe(used.totalFuel);
  });

  it('are refused on a budget that is smaller than what they cost at first', async () => {
    const stores = (await Stores.of('(module (func $s (nop) (drop (i32.const 1))) (start $s))')).open();
    const cost = stores.tank.usage.callFuel;
    const tank = meter.createTank({ maxMemoryBytes: MOST, instances: stores.tank.renew() });
    tank.begin({ fuel: cost - 1n });
    expect(() => tank.relink()).toThrow(expect.objectContaining({ code: 'METERING_OUT_OF_FUEL' }));
  });

  it('give back what was allocated after the start, and what they hold when they end', async () => {
    let held = 0;
    const pool = {
      reserve: (bytes: number) => {
        held += bytes;
        return true;
      },
      release: (bytes: number) => {
        held -= bytes;
      },
      memories: new Quota(1),
    };
    const { bytes } = meter.meterModule(
      await assemble(`(module (memory 1) (tag $t) (func (export "run")
      (block $b (try_table (catch_all $b) (throw $t)))))`),
      'fuel',
      { renewable: true },
    );
    const module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
    const tank = meter.createTank({ maxMemoryBytes: MOST, pool });
    tank.begin(BUDGET);
    const { run } = tank.link(module, {}) as { readonly run: () => void };
    tank.end();
    const atStart = held;
    tank.keep(tank.image(MOST) as StartImage);
    tank.begin(BUDGET);
    run();
    tank.end();
    expect(held).toBeGreaterThan(atStart);
    const renewed = tank.renew();
    expect(held).toBe(atStart);
    tank.dispose();
    expect(held).toBe(atStart);
    renewed?.dispose();
    expect(held).toBe(0);
  });

  it.each<[why: string, text: string]>([
    ['a memory has grown', '(memory 1) (func $mark (drop (memory.grow (i32.const 1))))'],
    ['a memory that had no pages has grown', '(memory 0) (func $mark (drop (memory.grow (i32.const 1))))'],
    [
      'one of several memories that had no pages has grown',
      '(memory 1) (memory 0) (func $mark (drop (memory.grow 1 (i32.const 1))))',
    ],
    ['its call was ended by a trap', '(memory 1) (func $mark unreachable)'],
  ])('are none where %s', async (_, text) => {
    const stores = (await Stores.of(`(module ${text} (export "mark" (func $mark)))`)).open();
    try {
      stores.call('mark');
    } catch {}
    expect(stores.tank.renew()).toBeUndefined();
  });

  it('are none where another instance has grown a memory that had no pages', async () => {
    const stores = (
      await Stores.of(
        '(module (memory (export "memory") 0))',
        '(module (import "before" "memory" (memory 0)) (func (export "mark") (drop (memory.grow (i32.const 1)))))',
      )
    ).open();
    stores.call('mark');
    expect(stores.tank.renew()).toBeUndefined();
  });

  it('are some where a memory that had no pages has none, or was grown by none', async () => {
    const text = '(memory 0) (func $mark (drop (memory.grow (i32.const 0))))';
    const stores = (await Stores.of(`(module ${text} (export "mark" (func $mark)))`)).open();
    stores.renew().call('mark');
    stores.renew();
    expect(stores.tank.usage.memoryBytes).toBe(0);
  });

  it('are never made of more than 64 modules', async () => {
    const text = '(module (global (mut i32) (i32.const 0)))';
    expect((await Stores.of(...new Array(64).fill(text))).open().image).toBeDefined();
    expect((await Stores.of(...new Array(65).fill(text))).open().image).toBeUndefined();
  });

  it('pay for the globals that keep those of the guest', async () => {
    const parts = async (renewable: boolean) => {
      const text = await assemble(`(module ${'(global (mut i64) (i64.const 0))'.repeat(100)})`);
      const { bytes } = meter.meterModule(text, 'fuel', { renewable });
      return metadataOf(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>)).parts.declarations;
    };
    expect(await parts(true)).toBe((await parts(false)) + 100);
  });

  it.each<[what: string, text: string]>([
    ['sets an entry of a table', '(table 1 funcref) (func (table.set 0 (i32.const 0) (ref.null func)))'],
    ['fills a table', '(table 1 funcref) (func (table.fill 0 (i32.const 0) (ref.null func) (i32.const 1)))'],
    ['grows a table', '(table 1 funcref) (func (drop (table.grow 0 (ref.null func) (i32.const 1))))'],
    ['copies entries of a table', '(table 1 funcref) (func (table.copy (i32.const 0) (i32.const 0) (i32.const 1)))'],
    [
      'initialises a table',
      '(table 1 funcref) (elem func) (func (table.init 0 (i32.const 0) (i32.const 0) (i32.const 0)))',
    ],
    ['drops a data segment', '(memory 1) (data "x") (func (data.drop 0))'],
    ['drops an element segment', '(elem func) (func (elem.drop 0))'],
    ['makes objects', '(type $s (struct (field (mut i32)))) (global (ref $s) (struct.new $s (i32.const 1)))'],
    ['keeps references of the host in a global', '(global (mut externref) (ref.null extern))'],
    ['has more globals than are kept', '(global (mut i32) (i32.const 0))'.repeat(1_001)],
    ['has more memory than an image may have', '(memory 257)'],
  ])('are never made of a module that %s', async (_, text) => {
    const stores = (await Stores.of(`(module ${text})`)).open();
    expect(stores.image).toBeUndefined();
    expect(stores.tank.renew()).toBeUndefined();
  });

  it('cannot be entered by the store that had them before', async () => {
    const stores = (await Stores.of(exported(MARKS[0]?.[1] ?? ''))).open();
    const before = stores.tank;
    stores.renew();
    expect(() => before.begin(BUDGET)).toThrow(expect.objectContaining({ code: 'METERING_SPENT' }));
    expect(before.renew()).toBeUndefined();
    before.dispose();
    expect(stores.tank.usage.memoryBytes).toBe(65_536);
    expect(stores.call('read')).toBe(0);
  });
});
