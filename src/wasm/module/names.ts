import { ByteReader } from '../byte-reader.ts';
import { WasmError } from '../errors.ts';
import type { CoreModule } from './module.ts';

const FUNCTION_NAMES = 1;

/** Reads the names of functions by index from the name section. A damaged section is ignored, as engines do. */
export function readFunctionNames(module: CoreModule): Map<number, string> {
  const names = new Map<number, string>();
  const section = module.sections.find(({ name }) => name === 'name');
  if (section === undefined) return names;
  const reader = new ByteReader(module.bytes, section.start, section.end);
  try {
    while (!reader.done) {
      const id = reader.u8();
      const payload = reader.sub(reader.u32());
      if (id !== FUNCTION_NAMES) continue;
      for (let left = payload.count(2); left > 0; left--) names.set(payload.u32(), payload.name());
    }
  } catch (thrown) {
    if (!(thrown instanceof WasmError)) throw thrown;
  }
  return names;
}
