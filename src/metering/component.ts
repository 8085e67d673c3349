import type { MeteringMode } from '#core/ports/meter';
import { ByteReader, ByteWriter } from '#wasm';
import { MeteringError } from './errors.ts';
import { explainModule, type ModuleExplanation } from './explain.ts';
import { meterModule } from './meter.ts';
import { checkMode } from './mode.ts';

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];
const CORE_MODULE = 1;
const COMPONENT = 4;
const MOST_NESTED = 64;

/** Whether `bytes` start with the header of a component. */
function isComponent(bytes: Uint8Array): boolean {
  return HEADER.every((byte, at) => bytes[at] === byte);
}

/**
 * Meters a core module, or each core module inside a component and inside nested components. A metered component is for
 * reading and for tools that know `vivarium:metering`: its core modules import the tank, which no component provides.
 * @throws {MeteringError} as `meterModule` does; the error names the core module that is refused
 */
export function meterBytes(bytes: Uint8Array, mode: MeteringMode = 'fuel'): Uint8Array {
  checkMode(mode);
  return eachModule(bytes, (module) => meterModule(module, mode).bytes);
}

/** Explains a core module, or each core module inside a component in order. @throws {MeteringError} */
export function explainBytes(bytes: Uint8Array, mode: MeteringMode = 'fuel'): ModuleExplanation[] {
  checkMode(mode);
  const explanations: ModuleExplanation[] = [];
  eachModule(bytes, (module) => {
    explanations.push(explainModule(module, mode));
    return module;
  });
  return explanations;
}

/** Replaces every core module with the result of `replace`. */
function eachModule(bytes: Uint8Array, replace: (module: Uint8Array) => Uint8Array): Uint8Array {
  let modules = 0;
  const visit = (own: Uint8Array, depth: number): Uint8Array => {
    if (!isComponent(own)) {
      const number = modules++;
      try {
        return replace(own);
      } catch (thrown) {
        if (!(thrown instanceof MeteringError) || depth === 0) throw thrown;
        throw new MeteringError(thrown.code, `core module ${number}: ${thrown.message}`, {
          cause: thrown,
          details: { ...thrown.details, coreModule: number },
        });
      }
    }
    if (depth > MOST_NESTED) throw new MeteringError('METERING_TOO_LARGE', 'components are nested too deeply');
    const reader = new ByteReader(own, HEADER.length);
    const out = new ByteWriter(own.length + (own.length >> 1)).raw(own.subarray(0, HEADER.length));
    while (!reader.done) {
      const id = reader.u8();
      const payload = reader.slice(reader.u32());
      const written = id === CORE_MODULE || id === COMPONENT ? visit(payload, depth + 1) : payload;
      out.u8(id).u32(written.length).raw(written);
    }
    return out.finish();
  };
  return visit(bytes, 0);
}
