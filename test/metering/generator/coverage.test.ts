import { print } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { allFeatures, compileModule, modulePlan } from '../../../tools/metering/generator/index.ts';

/** How one class of instructions or module fields looks in the text that `wasm-tools print` makes of a module. */
const CLASSES: Readonly<Record<string, readonly RegExp[]>> = {
  'the first version': [/ i32\.add$/, / f64\.sqrt$/, / i64\.load8_u/, / br_table /, / call_indirect /, / memory\.grow/],
  'sign extension': [/ i32\.extend8_s$/, / i64\.extend32_s$/],
  'saturating conversions': [/ i32\.trunc_sat_f64_u$/, / i64\.trunc_sat_f32_s$/],
  'multi-value': [
    /^ {2}\(func .*\(result i32 i64\)/,
    / block \(type \d+\) \(param i32 i64\) \(result i32 i64\)/,
    / loop \(type \d+\) \(param/,
    / if \(type \d+\) \(param i32 i64\) \(result i32 i64\)/,
  ],
  'bulk memory': [
    / memory\.copy/,
    / memory\.fill/,
    / memory\.init/,
    / data\.drop/,
    / table\.copy/,
    / table\.init/,
    / elem\.drop/,
  ],
  'reference types': [
    / table\.get/,
    / table\.set/,
    / table\.grow/,
    / table\.fill/,
    / ref\.func/,
    / ref\.is_null$/,
    / select \(result externref\)/,
    /\(table \(;\d+;\) .*externref/,
  ],
  SIMD: [/ i8x16\.shuffle/, / v128\.load64_lane/, / f32x4\.mul$/, / i\d+x\d+\.extmul_\w+$/, / v128\.const/],
  'relaxed SIMD': [/ f\d+x\d\.relaxed_n?m\w+$/, / i\d+x\d+\.relaxed_\w+$/],
  'tail calls': [/ return_call \d+$/, / return_call_indirect /, / return_call_ref \d+$/],
  'exceptions of the older encoding': [
    / try\b(?!_)/,
    /^ *catch \d+/,
    /^ *catch_all\b/,
    / delegate \d+/,
    / rethrow \d+/,
    / throw \d+$/,
  ],
  exceptions: [
    /try_table \(catch \d+ \d+/,
    /try_table \(catch_ref \d+ \d+/,
    /\(catch_all \d+/,
    /\(catch_all_ref \d+/,
    / throw_ref$/,
    /\(func .*exnref/,
    / throw \d+$/,
  ],
  'extended constants': [
    /\(global .* i64\.(?:add|sub|mul)\)$/,
    /\(global .*global\.get \d+.*i32\.(?:add|sub|mul)\)$/,
    /\(data .*i32\.add\)/,
  ],
  'several memories': [
    /\(memory \(;2;\)/,
    / memory\.copy 0 1$/,
    / i32\.load 1( |$)/,
    / memory\.fill [12]$/,
    / memory\.init [12] \d+$/,
    / memory\.grow [12]$/,
  ],
  'memories and tables of 64 bits': [/\(memory \(;\d+;\) i64 /, /\(table \(;\d+;\) i64 /],
  'garbage collection': [
    / struct\.new \d+$/,
    / struct\.get_s /,
    / struct\.set /,
    / array\.new \d+$/,
    / array\.new_fixed /,
    / array\.new_data /,
    / array\.new_elem /,
    / array\.copy /,
    / array\.fill /,
    / array\.init_data /,
    / array\.init_elem /,
    / ref\.i31$/,
    / ref\.cast /,
    / ref\.test /,
    / br_on_cast /,
    / br_on_cast_fail /,
    / extern\.convert_any$/,
    / any\.convert_extern$/,
    /\(rec$/,
    /\(sub final \d+ /,
  ],
  'typed function references': [
    / call_ref \d+$/,
    / br_on_null /,
    / br_on_non_null /,
    / ref\.as_non_null$/,
    /\(local .*\(ref null \d+\)/,
  ],
  'work at startup': [
    /\(start \d+\)/,
    /\(data .*\(global\.get 0\)/,
    /\(elem .*\(ref\.func \d+\)/,
    /\(elem .*declare/,
    /\(table .* ref\.(?:null|func)/,
    /\(global .*array\.new/,
  ],
  'what is shared with the host': [
    /\(import .*\(memory/,
    /\(import .*\(table/,
    /\(import .*\(global .*\(mut/,
    /\(export .*\(tag/,
  ],
};

describe('programs of the generator', () => {
  let lines: string[];
  beforeAll(async () => {
    const texts: string[] = [];
    for (const exceptions of ['legacy', 'standard'] as const) {
      const plans = fc.sample(modulePlan(fc.constant(allFeatures(exceptions))), { numRuns: 120, seed: 11 });
      for (const plan of plans) texts.push(await print(compileModule(plan).bytes));
    }
    lines = texts.join('\n').split('\n');
  });

  it.each(Object.entries(CLASSES))('hold %s, more than once', (_, patterns) => {
    const seldom = patterns.filter((pattern) => lines.filter((line) => pattern.test(line)).length < 2);
    expect(seldom).toEqual([]);
  });
});
