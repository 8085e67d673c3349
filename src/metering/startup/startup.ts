import { ByteReader, coreModule } from '#wasm';
import { MeteringError } from '../errors.ts';
import type { LengthTerm, Metadata } from '../metadata.ts';
import { ARRAY_BASE, elementBytes, entryBytes, objectBytes } from '../object-size.ts';
import type { DataSegments } from './data-segments.ts';
import { SMALL_LENGTH, StartupFuel } from './startup-fuel.ts';

const { Constant, SectionId, itemsOf, readConstantExpression, readGlobalType } = coreModule;

type Expression = readonly coreModule.ConstantOperator[];
type Startup = Pick<Metadata, 'startupFuel' | 'initialBytes' | 'arrays' | 'hasStart'>;

const PAGE = 65536;
/** The most terms of one length. Each global in it may double their number. */
const LONGEST_TERM = 256;
/** The most functions of a table, and the longest table of one function, that wasmtime 50.0.1 lays out beforehand. */
const LARGEST_LAID_OUT = 2n ** 20n;

/** Computes what instantiation costs by the rules of wasmtime 50.0.1, in its order, and the bytes that it allocates. */
export function startupOf(module: coreModule.CoreModule, data: DataSegments): Startup {
  const fuel = new StartupFuel();
  let initialBytes = 0;
  const arrays: Metadata['arrays'][number][] = [];
  const globals = readGlobals(module);

  for (const { minimum } of module.memories.slice(module.imported.memory)) initialBytes += Number(minimum) * PAGE;
  for (const { element, limits } of module.tables.slice(module.imported.table)) {
    initialBytes += Number(limits.minimum) * entryBytes(element);
  }

  const allocateArray = (type: coreModule.DefinedType | undefined, length: Expression): void => {
    const [last] = length.slice(-1);
    const known = last && knownLength(last, globals);
    if (known !== undefined) {
      initialBytes += objectBytes(type, known);
      fuel.bulk(known, true);
      return;
    }
    // The length is charged when it can be computed, and the charges that were buffered before it are made then too.
    initialBytes += ARRAY_BASE;
    arrays.push({ length: integer(length, globals.lengths), elementBytes: elementBytes(type) });
    fuel.flush();
  };
  const evaluate = (expression: Expression): void => {
    for (const [at, operator] of expression.entries()) {
      fuel.operators(1);
      const type = module.types[operator.index];
      if (operator.opcode === Constant.structNew || operator.opcode === Constant.structNewDefault) {
        initialBytes += objectBytes(type);
      } else if (operator.opcode === Constant.arrayNewFixed) {
        initialBytes += objectBytes(type, Number(operator.value));
      } else if (operator.opcode === Constant.arrayNew || operator.opcode === Constant.arrayNewDefault) {
        allocateArray(type, expression.slice(0, at));
      }
    }
  };

  for (const { initialiser } of globals.defined) {
    if (isLoneNumber(initialiser)) continue;
    fuel.require();
    evaluate(initialiser);
  }
  const segments = coreModule.readElementSegments(module);
  for (const { mode, items } of segments) {
    if (mode !== 'passive') continue;
    fuel.require();
    for (const item of items) if (typeof item !== 'number') evaluate(item);
  }
  const filled = filledTables(module);
  for (const { minimum, initialiser } of filled.values()) {
    fuel.require();
    evaluate(initialiser);
    fuel.bulk(Number(minimum), true);
  }
  let placing = true;
  for (const { mode, table, offset, items, byIndex } of segments) {
    if (mode !== 'active') continue;
    placing &&= byIndex && !filled.has(table) && isPlaced(module, table, offset, items.length);
    if (placing) continue;
    fuel.require();
    evaluate(offset);
    const small = items.length <= SMALL_LENGTH;
    if (small) fuel.bulk(items.length, true);
    for (const item of items) if (typeof item !== 'number') evaluate(item);
    if (!small) fuel.bulk(items.length, true);
  }
  data.charge(fuel);
  const hasStart = module.sections.some(({ id }) => id === SectionId.start);
  if (hasStart) {
    fuel.require();
    fuel.operators(1);
  }
  return { startupFuel: fuel.total(), initialBytes, arrays, hasStart };
}

const NUMERIC = new Set([0x41, 0x42, 0x43, 0x44, 0xfd00c]);

function isLoneNumber(expression: Expression): boolean {
  return expression.length === 1 && NUMERIC.has(expression[0]?.opcode as number);
}

/** Returns the offset when it is a single constant. */
function loneOffset(expression: Expression): bigint | undefined {
  const [only] = expression;
  if (expression.length !== 1 || only === undefined) return undefined;
  if (only.opcode === Constant.i32Const) return BigInt.asUintN(32, only.value);
  return only.opcode === Constant.i64Const ? BigInt.asUintN(64, only.value) : undefined;
}

/**
 * Whether a segment is laid out beforehand: it goes into the module's own funcref table, at a constant offset, within
 * the table's minimum size.
 */
function isPlaced(module: coreModule.CoreModule, index: number, at: Expression, count: number): boolean {
  const offset = loneOffset(at);
  const table = module.tables[index];
  if (offset === undefined || table === undefined || index < module.imported.table) return false;
  const end = offset + BigInt(count);
  return holdsFunctions(module, table.element) && end <= table.limits.minimum && end <= LARGEST_LAID_OUT;
}

const FUNC = 0x70;
const NOFUNC = 0x73;
const NULLABLE = 0x63;
const NON_NULLABLE = 0x64;

function holdsFunctions(module: coreModule.CoreModule, { bytes }: coreModule.ValueType): boolean {
  const [code] = bytes;
  if (code === FUNC || code === NOFUNC) return true;
  if (code !== NULLABLE && code !== NON_NULLABLE) return false;
  if (bytes[1] === FUNC || bytes[1] === NOFUNC) return true;
  const heap = new ByteReader(bytes, 1, bytes.length).s33();
  return module.types[heap]?.kind === 'function';
}

/**
 * Returns the module's own tables whose initialiser runs at startup. Most tables of one function are laid out
 * beforehand.
 */
function filledTables(module: coreModule.CoreModule): Map<number, { minimum: bigint; initialiser: Expression }> {
  const filled = new Map<number, { minimum: bigint; initialiser: Expression }>();
  let index = module.imported.table;
  itemsOf(module, SectionId.table, (reader) => {
    const { type, initialiser } = coreModule.readTable(reader);
    const { minimum } = type.limits;
    const lone = initialiser?.length === 1 && initialiser[0]?.opcode === Constant.refFunc;
    if (initialiser !== undefined && !(lone && minimum <= LARGEST_LAID_OUT))
      filled.set(index, { minimum, initialiser });
    index++;
  });
  return filled;
}

interface Globals {
  readonly defined: readonly { readonly isMutable: boolean; readonly initialiser: Expression }[];
  readonly imported: number;
  /** Integer globals as terms, for array lengths that read them. */
  readonly lengths: ReadonlyMap<number, LengthTerm[]>;
}

function readGlobals(module: coreModule.CoreModule): Globals {
  const lengths = new Map<number, LengthTerm[]>();
  let index = 0;
  for (const { kind, module: from, name } of module.imports) {
    if (kind === 'global') lengths.set(index++, [{ module: from, name }]);
  }
  const imported = index;
  const defined = itemsOf(module, SectionId.global, (reader) => {
    const isMutable = readGlobalType(reader);
    const initialiser = readConstantExpression(reader);
    if (!isMutable) lengths.set(index, integer(initialiser, lengths));
    index++;
    return { isMutable, initialiser };
  });
  return { defined, imported, lengths };
}

/**
 * Returns a length that wasmtime's compiler knows: a constant, or an own immutable global with a constant value. It
 * does not fold sums.
 */
function knownLength({ opcode, index, value }: coreModule.ConstantOperator, globals: Globals): number | undefined {
  if (opcode === Constant.i32Const) return Number(BigInt.asUintN(32, value));
  if (opcode !== Constant.globalGet) return undefined;
  const global = globals.defined[index - globals.imported];
  const [only, more] = global?.initialiser ?? [];
  if (global === undefined || global.isMutable || more !== undefined) return undefined;
  return only?.opcode === Constant.i32Const ? Number(BigInt.asUintN(32, only.value)) : undefined;
}

const ARITHMETIC: ReadonlyMap<number, LengthTerm> = new Map([
  [0x6a, '+'],
  [0x6b, '-'],
  [0x6c, '*'],
]);

/**
 * Returns the i32 on top of the stack after a constant expression, in reverse Polish notation; empty when it is not an
 * integer.
 */
function integer(expression: Expression, globals: ReadonlyMap<number, LengthTerm[]>): LengthTerm[] {
  const stack: LengthTerm[][] = [];
  for (const { opcode, index, value } of expression) {
    const operator = ARITHMETIC.get(opcode);
    if (opcode === Constant.i32Const) stack.push([value.toString()]);
    else if (opcode === Constant.globalGet) stack.push(globals.get(index) ?? []);
    else if (operator !== undefined) {
      const right = stack.pop() ?? [];
      const left = stack.pop() ?? [];
      if (left.length + right.length > LONGEST_TERM) {
        throw new MeteringError('METERING_TOO_LARGE', 'an initialiser computes an array length in too many steps');
      }
      stack.push([...left, ...right, operator]);
    } else stack.push([]);
  }
  return stack.at(-1) ?? [];
}
