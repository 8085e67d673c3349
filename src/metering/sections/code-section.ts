import type { Assembly } from '#metering/assembly';
import { FunctionRewriter } from '#metering/body';
import { ByteReader, coreModule } from '#wasm';
import { MeteringError } from '../errors.ts';
import { BranchHints, readBranchHints } from './branch-hints.ts';
import { CodeStore } from './code-store.ts';

/** The most bytes of a function body that engines accept (WebAssembly JavaScript Interface, implementation limits). */
const LARGEST_BODY = 7_654_321;
/** Bodies are handed over when they reach this many bytes. */
const FULL = 1 << 16;

/** The bodies of the metered module without their count, and the hints for their branches. */
export class CodeSection {
  readonly store: CodeStore;
  readonly hints: BranchHints = new BranchHints();
  readonly #assembly: Assembly;

  constructor(assembly: Assembly, bytes: number) {
    this.#assembly = assembly;
    this.store = new CodeStore(bytes * 2 + 65_536);
  }

  /** Rewrites the module's own bodies. The reader stands at its code section. */
  rewriteBodies(reader: ByteReader): void {
    const assembly = this.#assembly;
    const functions = new FunctionRewriter(assembly);
    const { imported } = assembly.module;
    const guestHints = readBranchHints(assembly.module);
    for (let left = reader.u32(), index = imported.function; left > 0; left--, index++) {
      const size = reader.u32();
      const start = reader.offset;
      reader.offset += size;
      const metered = functions.rewrite(index, start, reader.offset, guestHints.get(index));
      if (metered > LARGEST_BODY) {
        throw new MeteringError(
          'METERING_TOO_LARGE',
          `function ${index} of ${size} bytes is ${metered} when metered; engines take ${LARGEST_BODY}`,
        );
      }
      const { body } = functions;
      this.hints.add(assembly.functionIndex(index), functions.headLength, body.hints);
      if (body.length > FULL || left === 1) {
        this.store.raw(body.out.subarray(0, body.length));
        body.length = 0;
      }
    }
  }

  appendFunctions(): void {
    const { appended } = this.#assembly;
    for (const [at, { body, hints }] of appended.list.entries()) {
      this.store.u32(body.length);
      this.store.raw(body);
      this.hints.add(appended.first + at, 0, hints);
    }
  }

  static of(assembly: Assembly): CodeSection {
    const { module } = assembly;
    const own = module.sections.find(({ id }) => id === coreModule.SectionId.code);
    const section = new CodeSection(assembly, own === undefined ? 0 : own.end - own.start);
    if (own !== undefined) section.rewriteBodies(new ByteReader(module.bytes, own.start, own.end));
    section.appendFunctions();
    return section;
  }
}
