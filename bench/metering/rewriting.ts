import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ByteReader, ByteWriter } from '#wasm';
import { inChild } from './child-process.ts';
import { meter } from './guests.ts';
import { sqliteBytes } from './sqlite.ts';
import { quickest } from './statistics.ts';

const require = createRequire(import.meta.url);

/** Modules of 1 MB and more that other people built: from Rust, and from Go. */
export function largeModules(): readonly { readonly name: string; readonly bytes: Uint8Array }[] {
  const vendor = join(dirname(require.resolve('@bytecodealliance/jco-transpile/component')), '.');
  const read = (path: string): Uint8Array => new Uint8Array(readFileSync(path));
  return [
    { name: 'wasm-tools (Rust)', bytes: read(join(vendor, 'wasm-tools.core.wasm')) },
    { name: 'js-component-bindgen (Rust)', bytes: read(join(vendor, 'js-component-bindgen-component.core.wasm')) },
    { name: 'esbuild (Go)', bytes: read(require.resolve('esbuild-wasm/esbuild.wasm')) },
  ];
}

export interface Rewriting {
  /** MB/s after a warm-up: the quickest of some calls. */
  readonly warm: number;
  /** MB/s of the first call in a process, and bytes of resident memory that it took for each byte of the module. */
  readonly first: number;
  readonly memory: number;
  /** Bytes of the metered module for each byte of the plain one, less one. */
  readonly growth: number;
}

interface FirstCall {
  readonly milliseconds: number;
  readonly residentBytes: number;
}

export async function measureRewriting(bytes: Uint8Array, rounds: number): Promise<Rewriting> {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-bench-'));
  try {
    const file = join(folder, 'module.wasm');
    writeFileSync(file, bytes);
    const first: FirstCall[] = [];
    for (let process = 0; process < rounds; process++) first.push(await inChild<FirstCall>('first-call', file));
    return {
      // V8 has optimised all of it after some ten calls.
      warm: warmSpeed(bytes, 3 * rounds),
      first: bytes.length / 1000 / Math.min(...first.map(({ milliseconds }) => milliseconds)),
      memory: Math.min(...first.map(({ residentBytes }) => residentBytes)) / bytes.length,
      growth: growth(bytes),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function growth(bytes: Uint8Array): number {
  return meter.meterModule(bytes, 'fuel').bytes.length / bytes.length - 1;
}

/** MB/s of the quickest call. */
export function warmSpeed(bytes: Uint8Array, rounds: number): number {
  return bytes.length / 1000 / quickest(() => meter.meterModule(bytes, 'fuel'), rounds);
}

/** sqlite with its functions written again and again, until the module has at least `size` bytes. */
export function moduleOf(size: number): Uint8Array {
  const plain = sqliteBytes();
  const sections = sectionsOf(plain);
  const count = (id: number): { count: number; items: Uint8Array } => {
    const reader = new ByteReader(sections.find((section) => section.id === id)!.content);
    return { count: reader.u32(), items: reader.slice(reader.end - reader.offset) };
  };
  const functions = count(3);
  const code = count(10);
  const times = Math.max(1, Math.ceil((size - plain.length) / code.items.length) + 1);
  const writer = new ByteWriter(size).raw(plain.subarray(0, 8));
  for (const { id, content } of sections) {
    const repeated = id === 3 ? functions : id === 10 ? code : undefined;
    if (repeated === undefined) {
      writer.u8(id).u32(content.length).raw(content);
      continue;
    }
    const body = new ByteWriter(size).u32(repeated.count * times);
    for (let time = 0; time < times; time++) body.raw(repeated.items);
    writer.u8(id).u32(body.length).raw(body.view());
  }
  return writer.finish();
}

function sectionsOf(bytes: Uint8Array): { id: number; content: Uint8Array }[] {
  const reader = new ByteReader(bytes, 8);
  const list: { id: number; content: Uint8Array }[] = [];
  while (!reader.done) {
    const id = reader.u8();
    list.push({ id, content: reader.slice(reader.u32()) });
  }
  return list;
}
