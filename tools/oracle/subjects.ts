import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { KERNELS, kernelBytes } from '../kernels/index.ts';
import { compileModule, type Features, type GeneratedModule, modulePlan } from '../metering/generator/index.ts';
import { observeMetered } from '../metering/harness/metered.ts';
import { importsOfProgram, PROGRAMS } from '../metering/reference/programs.ts';
import type { Subject } from './compare.ts';
import { startups as startupModules } from './startups.ts';
import type { WasmtimeImport } from './wasmtime.ts';

/** The kernels of the benchmark, with few rounds. */
export function* kernels(): Iterable<Subject> {
  for (const kernel of KERNELS) {
    const imports: GeneratedModule['imports'] =
      kernel.name === 'hostcall'
        ? [{ kind: 'function', name: 'host', signature: { params: ['i32'], results: ['i32'] } }]
        : [];
    const calls: GeneratedModule['calls'] = [1, 2].map((times) => ({
      name: 'run',
      params: ['i32'],
      args: [kernel.few * times],
    }));
    yield subject(`kernel ${kernel.name}`, {
      bytes: kernelBytes(kernel),
      imports,
      calls,
      exports: [],
      used: new Set(),
    });
  }
}

/** The programs whose cost was added up by hand, without those where wasmtime is known to differ. */
export async function* programs(): AsyncIterable<Subject> {
  for (const program of PROGRAMS) {
    const { name, text, calls, costs, differs } = program;
    if (differs !== undefined) continue;
    const imports = importsOfProgram(program);
    const bytes = await parse(text);
    const made = calls.map((call) => ({ name: call, params: [], args: [] }));
    yield {
      ...subject(`program ${name}`, { bytes, imports, calls: made, exports: [], used: new Set() }),
      expected: costs,
    };
  }
}

/**
 * Random programs without what wasmtime does not have (exceptions of the older encoding) and without host functions that
 * throw, which end a run there.
 */
export function* random(count: number, seed: number): Iterable<Subject> {
  const features: fc.Arbitrary<Features> = fc.record({
    simd: fc.boolean(),
    tailCalls: fc.boolean(),
    exceptions: fc.constantFrom<Features['exceptions']>('none', 'standard'),
    multiMemory: fc.boolean(),
    memory64: fc.boolean(),
    gc: fc.boolean(),
  });
  for (const [index, plan] of fc.sample(modulePlan(features), { numRuns: count, seed }).entries()) {
    const generated = compileModule(plan);
    if (generated.imports.some(({ name }) => name === 'thrower')) continue;
    yield subject(`random ${index} of seed ${seed}`, generated);
  }
}

/** Modules whose cost lies in how they begin. */
export async function* startups(count: number, seed: number): AsyncIterable<Subject> {
  let index = 0;
  for await (const generated of startupModules(count, seed)) {
    yield subject(`startup ${index++} of seed ${seed}`, generated);
  }
}

function subject(name: string, generated: GeneratedModule): Subject {
  return {
    name,
    bytes: generated.bytes,
    imports: generated.imports.map(importOf),
    calls: generated.calls.map(({ name: call, params, args }) => ({
      name: call,
      args: args.map((value, index) => ({
        type: params[index]!,
        value: typeof value === 'bigint' ? value.toString() : value,
      })),
    })),
    measure: () => observeMetered(generated),
  };
}

function importOf(one: GeneratedModule['imports'][number]): WasmtimeImport {
  if (one.kind !== 'function') return one;
  return { kind: one.kind, name: one.name, params: one.signature.params, results: one.signature.results };
}
