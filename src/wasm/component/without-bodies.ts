import { ByteReader } from '../byte-reader.ts';
import { ByteWriter } from '../byte-writer.ts';
import { readComponent } from './read-component.ts';

const PREAMBLE_BYTES = 8;
const COMPONENT = { module: 1, component: 4 } as const;
const CODE = 10;
/** Custom sections, the data section and the data count: only bodies refer to them. */
const LEFT_OUT: ReadonlySet<number> = new Set([0, 11, 12]);
/** A body without locals: `unreachable`, `end`. */
const BODY = Uint8Array.of(3, 0x00, 0x00, 0x0b);
/** The least bytes of a body: its size, its count of locals, `end`. */
const LEAST_BODY = 3;
const MARK = new TextEncoder().encode('without bodies');

/** A core module of a component: as it was, and as it is in the component without bodies. */
export interface HollowModule {
  readonly whole: Uint8Array;
  readonly hollow: Uint8Array;
}

export interface HollowComponent {
  readonly bytes: Uint8Array;
  /**
   * The core modules in the order of the file, including those of nested components. No two of them have the same bytes
   * after their bodies were removed.
   */
  readonly modules: readonly HollowModule[];
}

/**
 * Returns a component whose core modules have the same types, imports and exports, but no data, and bodies that do
 * nothing. This is all that a program that joins the modules needs, in a fraction of the bytes. The parts that were
 * left out have not been validated.
 *
 * @throws {WasmError} when the component cannot be read
 */
export function withoutBodies(component: Uint8Array): HollowComponent {
  // Check the bounds on depth and counts, on which the walk below relies.
  readComponent(component);
  const modules: HollowModule[] = [];
  return { bytes: hollowComponent(new ByteReader(component), modules), modules };
}

function hollowComponent(reader: ByteReader, modules: HollowModule[]): Uint8Array {
  const writer = new ByteWriter(4_096).raw(reader.slice(PREAMBLE_BYTES));
  while (!reader.done) {
    const id = reader.u8();
    const section = reader.sub(reader.u32());
    const content = section.bytes.subarray(section.offset, section.end);
    writer.u8(id);
    if (id === COMPONENT.module) {
      const hollow = hollowModule(section, modules.length);
      modules.push({ whole: content, hollow });
      writer.u32(hollow.length).raw(hollow);
    } else if (id === COMPONENT.component) {
      const nested = hollowComponent(section, modules);
      writer.u32(nested.length).raw(nested);
    } else writer.u32(content.length).raw(content);
  }
  return writer.finish();
}

function hollowModule(reader: ByteReader, place: number): Uint8Array {
  const writer = new ByteWriter(4_096).raw(reader.slice(PREAMBLE_BYTES));
  while (!reader.done) {
    const id = reader.u8();
    const section = reader.sub(reader.u32());
    const content = section.bytes.subarray(section.offset, section.end);
    if (LEFT_OUT.has(id)) continue;
    const count = id === CODE ? section.u32() : 0;
    // A count that does not fit into the section stays for the validator.
    if (id === CODE && count * LEAST_BODY <= content.length) {
      const bodies = new ByteWriter(5 + count * BODY.length).u32(count);
      for (let index = 0; index < count; index++) bodies.raw(BODY);
      writer.u8(id).u32(bodies.length).raw(bodies.finish());
    } else writer.u8(id).u32(content.length).raw(content);
  }
  // Mark each module with its place, so that two modules which differ only in their bodies stay different.
  const mark = new ByteWriter(32).u32(MARK.length).raw(MARK).u32(place).finish();
  return writer.u8(0).u32(mark.length).raw(mark).finish();
}
