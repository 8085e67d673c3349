import { ByteReader, ByteWriter, WasmError } from '#wasm';
import type { Assembly } from './assembly.ts';
import { HOOKS, NAMESPACE } from './hooks.ts';

const FUNCTIONS = 1;
const LOCALS = 2;
const LABELS = 3;
const GLOBALS = 7;

/**
 * The name section with the metered module's indices and the helpers' names. Engines ignore a name section that is
 * damaged, so a guest's damaged one is dropped (undefined). Labels are dropped: bodies have others now.
 */
export function rewriteNames(assembly: Assembly, start: number, end: number): Uint8Array | undefined {
  const reader = new ByteReader(assembly.module.bytes, start, end);
  const out = new ByteWriter(end - start + 256);
  try {
    while (!reader.done) {
      const id = reader.u8();
      const payload = reader.sub(reader.u32());
      const writer = new ByteWriter(payload.end - payload.offset + 64);
      if (id === LABELS) continue;
      if (id === FUNCTIONS) nameFunctions(payload, writer, assembly);
      else if (id === LOCALS) {
        const count = payload.count(2);
        writer.u32(count);
        for (let left = count; left > 0; left--) {
          const index = payload.u32();
          writer.u32(assembly.functionIndex(index));
          // The counter is one more parameter: declared locals stand one higher.
          const shifts = assembly.plan.functions[index]?.convention === 'register';
          const parameters = shifts ? assembly.functionType(index).parameters.length : 0;
          const locals = payload.count(2);
          writer.u32(locals);
          for (let n = 0; n < locals; n++) {
            const local = payload.u32();
            writer.u32(shifts && local >= parameters ? local + 1 : local).name(payload.name());
          }
        }
      } else if (id === GLOBALS) {
        const count = payload.count(2);
        writer.u32(count);
        for (let left = count; left > 0; left--) writer.u32(assembly.globalIndex(payload.u32())).name(payload.name());
      } else writer.raw(payload.slice(payload.end - payload.offset));
      out.u8(id).u32(writer.length).raw(writer.view());
    }
  } catch (thrown) {
    if (thrown instanceof WasmError) return undefined;
    throw thrown;
  }
  return out.finish();
}

function nameFunctions(payload: ByteReader, writer: ByteWriter, assembly: Assembly): void {
  const entries: [index: number, name: string][] = [];
  for (let left = payload.count(2); left > 0; left--) {
    entries.push([assembly.functionIndex(payload.u32()), payload.name()]);
  }
  for (const [at, name] of HOOKS.functions.entries()) entries.push([assembly.refill + at, `${NAMESPACE}.${name}`]);
  const { list, first } = assembly.appended;
  for (const [at, { name }] of list.entries()) entries.push([first + at, name]);
  entries.sort(([left], [right]) => left - right);
  writer.u32(entries.length);
  for (const [index, name] of entries) writer.u32(index).name(name);
}
