import { ByteReader, ByteWriter, type coreModule, WasmError } from '#wasm';
import type { IntList } from '../int-list.ts';

/** The custom section of the branch-hinting proposal. It must stand before the code section. */
const SECTION = 'metadata.code.branch_hint';

/**
 * Reads a guest's own hints by function index: twice the branch's offset in its body, plus 1 when the branch is likely.
 * A damaged section is ignored, as engines do.
 */
export function readBranchHints(module: coreModule.CoreModule): Map<number, Int32Array> {
  const hints = new Map<number, Int32Array>();
  const section = module.sections.find(({ name }) => name === SECTION);
  if (section === undefined) return hints;
  const reader = new ByteReader(module.bytes, section.start, section.end);
  try {
    for (let functions = reader.count(); functions > 0; functions--) {
      const index = reader.u32();
      const own: number[] = [];
      for (let left = reader.count(); left > 0; left--) {
        const offset = reader.u32();
        const [likely] = reader.slice(reader.u32());
        own.push(offset * 2 + (likely === 1 ? 1 : 0));
      }
      hints.set(index, Int32Array.from(own).sort());
    }
  } catch (thrown) {
    if (thrown instanceof WasmError) return new Map();
    throw thrown;
  }
  return hints;
}

/** Collects the hints of the metered bodies: every branch to a refill is unlikely. */
export class BranchHints {
  readonly #entries = new ByteWriter(4096);
  #functions = 0;

  /** Adds a function's hints. `shift` is the size of the local declarations, which the hints' offsets do not count. */
  add(functionIndex: number, shift: number, { items, length }: IntList): void {
    if (length === 0) return;
    this.#functions++;
    this.#entries.u32(functionIndex).u32(length);
    for (let n = 0; n < length; n++) {
      const hint = items[n] as number;
      this.#entries
        .u32((hint >> 1) + shift)
        .u8(1)
        .u8(hint & 1);
    }
  }

  /** Returns the custom section with its name, or undefined when there are no hints. */
  payload(): Uint8Array | undefined {
    if (this.#functions === 0) return undefined;
    return new ByteWriter(this.#entries.length + 64)
      .name(SECTION)
      .u32(this.#functions)
      .raw(this.#entries.view())
      .view();
  }
}
