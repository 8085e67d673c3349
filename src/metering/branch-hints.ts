import { ByteReader, ByteWriter, type coreModule, WasmError } from '#wasm';

/** Where a branch instruction stands, in bytes from the beginning of its body, and whether it is likely taken. */
export interface BranchHint {
  readonly offset: number;
  readonly likely: boolean;
}

/** The custom section of the branch-hinting proposal, which stands before the code section. */
const SECTION = 'metadata.code.branch_hint';

/** A guest's own hints by function index. Engines ignore a section that is damaged, and so do we. */
export function readBranchHints(module: coreModule.CoreModule): Map<number, BranchHint[]> {
  const hints = new Map<number, BranchHint[]>();
  const section = module.sections.find(({ name }) => name === SECTION);
  if (section === undefined) return hints;
  const reader = new ByteReader(module.bytes, section.start, section.end);
  try {
    for (let functions = reader.count(); functions > 0; functions--) {
      const index = reader.u32();
      const own: BranchHint[] = [];
      for (let left = reader.count(); left > 0; left--) {
        const offset = reader.u32();
        const [likely] = reader.slice(reader.u32());
        own.push({ offset, likely: likely === 1 });
      }
      hints.set(
        index,
        own.sort((left, right) => left.offset - right.offset),
      );
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

  /** `shift` is what stands before the code that the offsets count from: the declarations of locals. */
  add(functionIndex: number, shift: number, hints: readonly BranchHint[]): void {
    if (hints.length === 0) return;
    this.#functions++;
    this.#entries.u32(functionIndex).u32(hints.length);
    for (const { offset, likely } of hints)
      this.#entries
        .u32(offset + shift)
        .u8(1)
        .u8(likely ? 1 : 0);
  }

  write(out: ByteWriter): void {
    if (this.#functions === 0) return;
    const payload = new ByteWriter(this.#entries.length + 64)
      .name(SECTION)
      .u32(this.#functions)
      .raw(this.#entries.view());
    out.u8(0).u32(payload.length).raw(payload.view());
  }
}
