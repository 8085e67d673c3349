/** A function that few bytes make expensive to compile: so many values alive, at so many places where control parts. */
export interface HeavyFunction {
  readonly name: string;
  readonly values: number;
  readonly times: number;
  /** Locals and instructions of a function without parameters and results. `$nothing` and table 0 are there. */
  text(values: number, times: number): string;
}

const locals = (count: number, type = 'i32'): string => `(local${` ${type}`.repeat(count)})`;
const over = (count: number, text: string): string => text.repeat(count);
const operands = (count: number, text: string): string =>
  `${over(count, 'i32.const 0 ')} ${text} ${over(count, 'drop ')}`;
const nested = (count: number, open: string, inner: string): string =>
  `${over(count, open)}${inner}${over(count, ')')}`;
const every = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => text(index)).join(' ');

const IF = 'i32.const 0 if end ';
const TRY = '(block $h (try_table (catch_all $h) (call $nothing)))';

export const HEAVY_FUNCTIONS: readonly HeavyFunction[] = [
  { name: 'locals, if', values: 49_000, times: 4_000, text: (v, t) => `${locals(v)} ${over(t, IF)}` },
  { name: 'operands, if', values: 49_000, times: 4_000, text: (v, t) => operands(v, over(t, IF)) },
  { name: 'vectors, if', values: 49_000, times: 4_000, text: (v, t) => `${locals(v, 'v128')} ${over(t, IF)}` },
  { name: 'locals, loop', values: 20_000, times: 2_000, text: (v, t) => `${locals(v)} ${over(t, 'loop end ')}` },
  {
    name: 'locals, branches out of one block',
    values: 20_000,
    times: 2_000,
    text: (v, t) => `${locals(v)} (block ${over(t, '(br_if 0 (i32.const 0))')})`,
  },
  {
    name: 'locals, nested blocks with a branch to each',
    values: 20_000,
    times: 2_000,
    text: (v, t) =>
      `${locals(v)} ${nested(
        t,
        '(block ',
        every(t, (index) => `(br_if ${index} (i32.const 0))`),
      )}`,
  },
  {
    name: 'locals, a branch table with one target many times',
    values: 49_000,
    times: 20_000,
    text: (v, t) => `${locals(v)} (block (br_table ${over(t, '0 ')} 0 (i32.const 0)))`,
  },
  {
    name: 'locals, a branch table to nested blocks',
    values: 20_000,
    times: 2_000,
    text: (v, t) => `${locals(v)} ${nested(t, '(block ', `(br_table ${every(t, String)} (i32.const 0))`)}`,
  },
  {
    name: 'locals, branches on null',
    values: 20_000,
    times: 2_000,
    text: (v, t) => `${locals(v)} (block ${over(t, '(drop (br_on_null 0 (ref.null func)))')})`,
  },
  {
    name: 'locals, calls',
    values: 49_000,
    times: 20_000,
    text: (v, t) => `${locals(v)} ${over(t, '(call $nothing)')}`,
  },
  {
    name: 'operands, indirect calls',
    values: 20_000,
    times: 20_000,
    text: (v, t) => operands(v, over(t, '(call_indirect (i32.const 0))')),
  },
  {
    name: 'locals, growth',
    values: 49_000,
    times: 20_000,
    text: (v, t) => `${locals(v)} ${over(t, '(drop (memory.grow (i32.const 0)))')}`,
  },
  { name: 'locals, handlers', values: 10_000, times: 1_000, text: (v, t) => `${locals(v)} ${over(t, TRY)}` },
  {
    name: 'a handler of many clauses and locals',
    values: 20_000,
    times: 2_000,
    text: (v, t) => `${locals(v)} (block (try_table ${over(t, '(catch_all 0)')} (call $nothing)))`,
  },
  {
    name: 'results of few calls, if',
    values: 49,
    times: 300,
    text: (v, t) => `${over(v, '(call $many)')} ${over(t, IF)} ${over(v * 1_000, 'drop ')}`,
  },
  {
    name: 'calls in one handler',
    values: 49_000,
    times: 1,
    text: (v) => `(block (try_table (catch_all 0) ${over(v, '(call $nothing)')}))`,
  },
  {
    name: 'branches out of one block, nothing alive',
    values: 49_000,
    times: 1,
    text: (v) => `(block ${over(v, '(br_if 0 (i32.const 0))')})`,
  },
];

/** A core module with the function as its second, exported as `heavy`. */
export function heavyModule({ text }: HeavyFunction, values: number, times: number): string {
  return `(module (memory 1) (table 1 funcref) (func $nothing) (func (export "heavy") ${text(values, times)})
    (func $many (result${' i32'.repeat(1_000)}) unreachable))`;
}
