import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import type { GeneratedModule } from '../metering/generator/index.ts';

/**
 * Modules whose cost lies in how they begin: data, globals, tables, elements, several memories and a start function, with
 * lengths on both sides of what decides how wasmtime counts (128 elements, a host page, 16 MiB).
 */
export async function* startups(count: number, seed: number): AsyncIterable<GeneratedModule> {
  for (const text of fc.sample(moduleText, { numRuns: count, seed })) {
    yield { bytes: await parse(text), imports: importsOf(text), calls: [], exports: [], used: new Set() };
  }
}

const LENGTHS = [0, 1, 2, 5, 127, 128, 129, 300];

const lengthOf = fc.oneof(
  fc.constantFrom(...LENGTHS).map((length) => `(i32.const ${length})`),
  fc.constantFrom('(global.get $base)', '(global.get $few)', '(global.get $many)'),
  fc.constantFrom(...LENGTHS).map((length) => `(i32.add (i32.const ${length}) (i32.const 1))`),
  fc.constant('(i32.mul (global.get $few) (global.get $base))'),
);

const globalText = fc.oneof(
  fc.constantFrom(
    '(global i64 (i64.add (i64.const 1) (i64.const 2)))',
    '(global i32 (global.get $base))',
    '(global i32 (global.get $few))',
    '(global f64 (f64.const 2))',
    '(global v128 (v128.const i32x4 1 2 3 4))',
    '(global funcref (ref.func $nothing))',
    '(global externref (ref.null extern))',
    '(global i31ref (ref.i31 (i32.const 3)))',
    '(global (ref $pair) (struct.new $pair (i32.const 1) (i64.const 2)))',
    '(global (ref $pair) (struct.new_default $pair))',
    '(global (ref $ints) (array.new_fixed $ints 3 (i32.const 1) (i32.const 2) (i32.const 3)))',
  ),
  lengthOf.map((length) => `(global (ref $ints) (array.new $ints (i32.const 7) ${length}))`),
  lengthOf.map((length) => `(global (ref $bytes) (array.new_default $bytes ${length}))`),
);

interface Table {
  readonly size: number;
  readonly type: string;
  readonly wide: boolean;
}

const tablePlan = fc.record<Table>({
  size: fc.constantFrom(...LENGTHS, 300, 300, 300),
  type: fc.constantFrom(
    'funcref',
    '(ref null func) (ref.func $nothing)',
    '(ref null func) (ref.null func)',
    '(ref null $signature)',
    '(ref $signature) (ref.func $nothing)',
  ),
  wide: fc.nat({ max: 5 }).map((number) => number === 0),
});

const tableText = ({ size, type, wide }: Table): string => `(table ${wide ? 'i64 ' : ''}${size} ${type})`;

interface Elements {
  readonly mode: 'active' | 'passive' | 'declared';
  readonly table: number;
  readonly offset: string;
  readonly length: number;
  readonly byIndex: boolean;
}

const elementPlan = fc.record<Elements>({
  mode: fc.constantFrom('active', 'active', 'active', 'active', 'passive', 'declared'),
  table: fc.nat({ max: 3 }),
  offset: fc.constantFrom(
    'i32.const 0',
    'i32.const 0',
    'i32.const 3',
    'global.get $base',
    'i32.add (i32.const 1) (i32.const 2)',
  ),
  length: fc.constantFrom(...LENGTHS),
  byIndex: fc.nat({ max: 2 }).map((number) => number > 0),
});

/** Active segments lie within their table, so that few modules do nothing but trap. */
function elementText({ mode, table, offset, length, byIndex }: Elements, tables: readonly Table[]): string {
  const index = table % Math.max(tables.length, 1);
  const target = tables[index];
  const isTyped = mode === 'active' && target?.type.includes('$signature') === true;
  const type = isTyped ? '(ref $signature)' : 'funcref';
  const expressions = `${type}${' (ref.func $nothing)'.repeat(length)}`;
  const items = byIndex && !isTyped ? `func${' $nothing'.repeat(length)}` : expressions;
  if (mode === 'declared') return `(elem declare ${items})`;
  if (mode === 'passive') return `(elem ${items})`;
  if (target === undefined || length + 8 > target.size) return '';
  return `(elem (table ${index}) (offset (${target.wide ? 'i64.const 3' : offset})) ${items})`;
}

interface Memory {
  readonly pages: number;
  readonly wide: boolean;
}

const memoryPlan = fc.record<Memory>({
  pages: fc.constantFrom(0, 1, 1, 1, 2, 300),
  wide: fc.nat({ max: 5 }).map((number) => number === 0),
});

const memoryText = ({ pages, wide }: Memory): string => `(memory ${wide ? 'i64 ' : ''}${pages})`;

/** Data by its text and its length. */
const CONTENTS: readonly (readonly [string, number])[] = [
  ['', 0],
  ['s', 1],
  ['hello', 5],
  ['\\00', 1],
  ['\\00'.repeat(5000), 5000],
  [`${'\\00'.repeat(5000)}x`, 5001],
  [`x${'\\00'.repeat(5000)}`, 5001],
  ['ab'.repeat(3000), 6000],
];

const OFFSETS = [0, 1, 100, 4000, 4096, 10_000, 59_000, 59_001, 65_536, 2 ** 24 - 1, 2 ** 24, 2 ** 24 + 59_000];

interface Data {
  readonly passive: boolean;
  readonly memory: number;
  readonly offset: number;
  /** An offset that is not one constant. */
  readonly computed: string | undefined;
  readonly content: readonly [string, number];
}

const dataPlan = fc.record<Data>({
  passive: fc.nat({ max: 7 }).map((number) => number === 0),
  memory: fc.nat({ max: 4 }),
  offset: fc.constantFrom(...OFFSETS),
  computed: fc.option(fc.constantFrom('global.get $base', 'i32.sub (i32.const 9) (i32.const 2)'), {
    nil: undefined,
    freq: 9,
  }),
  content: fc.constantFrom(...CONTENTS),
});

function dataText(
  { passive, memory, offset, computed, content: [text, length] }: Data,
  memories: readonly Memory[],
): string {
  if (passive) return `(data "${text}")`;
  const index = memory % Math.max(memories.length, 1);
  const target = memories[index];
  const room = target === undefined ? -1 : target.pages * 65_536 - length;
  if (target === undefined || room < 0) return '';
  const constant = `${target.wide ? 'i64' : 'i32'}.const ${Math.min(offset, room)}`;
  const at = computed === undefined || target.wide || room < 16 ? constant : computed;
  return `(data (memory ${index}) (offset (${at})) "${text}")`;
}

const startText = fc.constantFrom(
  '',
  '',
  '(start $nothing)',
  '(func $main (drop (i32.const 1)) (call $nothing)) (start $main)',
  '(func $main (i32.const 0) (unreachable)) (start $main)',
);

const some = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(one, { maxLength: 4 });

const moduleText = fc
  .record({
    importsMemory: fc.nat({ max: 3 }).map((number) => number === 0),
    importsTable: fc.nat({ max: 3 }).map((number) => number === 0),
    memories: some(memoryPlan),
    tables: some(tablePlan),
    globals: some(globalText),
    elements: some(elementPlan),
    data: some(dataPlan),
    start: startText,
  })
  .map(({ importsMemory, importsTable, memories, tables, globals, elements, data, start }) => {
    const allMemories = [...(importsMemory ? [{ pages: 1, wide: false }] : []), ...memories];
    const allTables = [...(importsTable ? [{ size: 40, type: 'funcref', wide: false }] : []), ...tables];
    return [
      '(module (import "env" "base" (global $base i32))',
      importsMemory ? MEMORY : '',
      importsTable ? TABLE : '',
      '(type $signature (func)) (type $pair (struct (field i32 i64)))',
      '(type $ints (array (mut i32))) (type $bytes (array i8)) (func $nothing (type $signature))',
      '(global $few i32 (i32.const 20)) (global $many i32 (i32.const 200))',
      ...memories.map(memoryText),
      ...tables.map(tableText),
      ...globals,
      ...elements.map((one) => elementText(one, allTables)),
      ...data.map((one) => dataText(one, allMemories)),
      start,
      ')',
    ].join('\n');
  });

const MEMORY = '(import "env" "memory" (memory 1 4))';
const TABLE = '(import "env" "table" (table 40 44 funcref))';

function importsOf(text: string): GeneratedModule['imports'] {
  return [
    { kind: 'global', name: 'base', type: 'i32', mutable: false },
    ...(text.includes(MEMORY) ? [{ kind: 'memory', name: 'memory', initial: 1, maximum: 4 } as const] : []),
    ...(text.includes(TABLE) ? [{ kind: 'table', name: 'table', initial: 40, maximum: 44 } as const] : []),
  ];
}
