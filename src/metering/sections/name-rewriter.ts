import type { Assembly } from '#metering/assembly';
import { ByteReader, ByteWriter, WasmError } from '#wasm';

const MODULE = 0;
const FUNCTIONS = 1;
const LOCALS = 2;
const LABELS = 3;
const GLOBALS = 7;
/**
 * The most bytes of a name that is kept. V8 writes the names of module and function into every stack frame and fails
 * for a stack of more than 512 MiB; mangled names are seldom longer than this.
 */
const MOST_NAME_BYTES = 4_096;

/**
 * Rewrites the name section to the metered module's indices and adds the names of appended functions. Engines ignore a
 * damaged name section, so a damaged one is dropped and undefined is returned. Label names are dropped, because the
 * bodies have other labels now.
 */
export function rewriteNames(assembly: Assembly, start: number, end: number): Uint8Array | undefined {
  const reader = new ByteReader(assembly.module.bytes, start, end);
  const out = new ByteWriter(end - start + 256);
  try {
    while (!reader.done) {
      const id = reader.u8();
      const payload = reader.sub(reader.u32());
      const writer = new ByteWriter(payload.end - payload.offset + 64);
      if (id === LABELS || (id === MODULE && payload.end - payload.offset > MOST_NAME_BYTES)) continue;
      if (id === FUNCTIONS) nameFunctions(payload, writer, assembly);
      else if (id === LOCALS) {
        const count = payload.count(2);
        writer.u32(count);
        for (let left = count; left > 0; left--) {
          const index = payload.u32();
          writer.u32(assembly.functionIndex(index));
          // The counter is one more parameter, so the indices of declared locals are one higher.
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

/** Names functions in the order of their indices: imports, added imports, defined functions, appended functions. */
function nameFunctions(payload: ByteReader, writer: ByteWriter, assembly: Assembly): void {
  const { list, first } = assembly.appended;
  const own = payload.count(2);
  const added = assembly.addedImports();
  writer.u32(own + added.length + list.length);
  let named = false;
  const nameHooks = (): void => {
    named = true;
    for (const [at, { module, name }] of added.entries()) writer.u32(assembly.refill + at).name(`${module}.${name}`);
  };
  for (let left = own; left > 0; left--) {
    const index = payload.u32();
    if (!named && index >= assembly.refill) nameHooks();
    writer.u32(assembly.functionIndex(index));
    const name = cut(payload.slice(payload.u32()));
    writer.u32(name.length).raw(name);
  }
  if (!named) nameHooks();
  for (const [at, { name }] of list.entries()) writer.u32(first + at).name(name);
}

/** Returns the beginning of a name, cut after a whole character. */
function cut(name: Uint8Array): Uint8Array {
  if (name.length <= MOST_NAME_BYTES) return name;
  let end = MOST_NAME_BYTES;
  while (end > 0 && ((name[end] as number) & 0xc0) === 0x80) end--;
  return name.subarray(0, end);
}
