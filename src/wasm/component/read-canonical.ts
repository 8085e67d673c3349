import type { ByteReader } from '../byte-reader.ts';
import type { Builtin, Canon, CanonOptions } from './ast.ts';
import { readResult } from './read-types.ts';
import { hex, readVector, type Source, unsupported } from './source.ts';

type Operand = 'type' | 'async' | 'cancellable' | 'memory' | 'options' | 'result' | 'slot' | 'core-type' | 'table';

/**
 * The built-ins of asynchronous components with their operands, by the opcodes of the component model's `Binary.md`. The
 * last five are not a part of it any more, or not yet; they are read so that a refusal can name them.
 */
const BUILTINS = new Map<number, readonly [name: string, ...operands: Operand[]]>([
  [0x05, ['task.cancel']],
  [0x06, ['subtask.cancel', 'async']],
  [0x09, ['task.return', 'result', 'options']],
  [0x0a, ['context.get', 'slot']],
  [0x0b, ['context.set', 'slot']],
  [0x0c, ['thread.yield', 'cancellable']],
  [0x0d, ['subtask.drop']],
  [0x0e, ['stream.new', 'type']],
  [0x0f, ['stream.read', 'type', 'options']],
  [0x10, ['stream.write', 'type', 'options']],
  [0x11, ['stream.cancel-read', 'type', 'async']],
  [0x12, ['stream.cancel-write', 'type', 'async']],
  [0x13, ['stream.drop-readable', 'type']],
  [0x14, ['stream.drop-writable', 'type']],
  [0x15, ['future.new', 'type']],
  [0x16, ['future.read', 'type', 'options']],
  [0x17, ['future.write', 'type', 'options']],
  [0x18, ['future.cancel-read', 'type', 'async']],
  [0x19, ['future.cancel-write', 'type', 'async']],
  [0x1a, ['future.drop-readable', 'type']],
  [0x1b, ['future.drop-writable', 'type']],
  [0x1c, ['error-context.new', 'options']],
  [0x1d, ['error-context.debug-message', 'options']],
  [0x1e, ['error-context.drop']],
  [0x1f, ['waitable-set.new']],
  [0x20, ['waitable-set.wait', 'cancellable', 'memory']],
  [0x21, ['waitable-set.poll', 'cancellable', 'memory']],
  [0x22, ['waitable-set.drop']],
  [0x23, ['waitable.join']],
  [0x24, ['backpressure.inc']],
  [0x25, ['backpressure.dec']],
  [0x26, ['thread.index']],
  [0x27, ['thread.new-indirect', 'core-type', 'table']],
  [0x28, ['thread.resume-later']],
  [0x29, ['thread.suspend', 'cancellable']],
  [0x2a, ['thread.suspend-then-resume', 'cancellable']],
  [0x2b, ['thread.yield-then-resume', 'cancellable']],
  [0x2c, ['thread.suspend-then-promote', 'cancellable']],
  [0x2d, ['thread.yield-then-promote', 'cancellable']],
  [0x07, ['resource.drop async', 'type']],
  [0x08, ['backpressure.set']],
  [0x40, ['thread.spawn-ref', 'cancellable', 'core-type']],
  [0x41, ['thread.spawn-indirect', 'cancellable', 'core-type', 'table']],
  [0x42, ['thread.available-parallelism', 'cancellable']],
]);

/** Reads one canonical definition: a lift, a lower or a built-in. */
export function readCanon(source: Source): Canon {
  const { reader } = source;
  const at = reader.offset;
  const code = reader.u8();
  switch (code) {
    case 0x00:
      expectZero(reader);
      return { kind: 'lift', coreFunc: reader.u32(), options: readOptions(source), type: reader.u32() };
    case 0x01:
      expectZero(reader);
      return { kind: 'lower', func: reader.u32(), options: readOptions(source) };
    case 0x02:
      return { kind: 'resource.new', resource: reader.u32() };
    case 0x03:
      return { kind: 'resource.drop', resource: reader.u32() };
    case 0x04:
      return { kind: 'resource.rep', resource: reader.u32() };
    default: {
      const builtin = BUILTINS.get(code);
      if (builtin === undefined) throw unsupported(`a canonical definition with opcode ${hex(code)}`, at);
      const [name, ...operands] = builtin;
      const read: Writable<Builtin> = { ...NO_OPERANDS, kind: 'builtin', name };
      for (const operand of operands) readOperand(source, operand, read);
      return read;
    }
  }
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const NO_OPERANDS = {
  type: undefined,
  result: undefined,
  options: undefined,
  memory: undefined,
  table: undefined,
  flag: false,
  slot: 0,
  wide: false,
} as const;

function readOperand(source: Source, operand: Operand, into: Writable<Builtin>): void {
  const { reader } = source;
  switch (operand) {
    case 'type':
      into.type = reader.u32();
      return;
    case 'async':
    case 'cancellable':
      into.flag = readFlag(reader);
      return;
    case 'memory':
      into.memory = reader.u32();
      return;
    case 'options':
      into.options = readOptions(source);
      return;
    case 'result':
      into.result = readResult(reader);
      return;
    case 'slot':
      into.wide = readIsWide(reader);
      into.slot = reader.u32();
      return;
    case 'core-type':
      reader.u32();
      return;
    case 'table':
      into.table = reader.u32();
      return;
  }
}

function readFlag(reader: ByteReader): boolean {
  const at = reader.offset;
  const byte = reader.u8();
  if (byte > 1) throw unsupported(`a canonical definition with a flag ${hex(byte)}`, at);
  return byte === 1;
}

/** Reads the core type of a thread's storage. Answers whether it is `i64`. */
function readIsWide(reader: ByteReader): boolean {
  const at = reader.offset;
  const code = reader.u8();
  if (code !== 0x7f && code !== 0x7e) throw unsupported(`storage of a thread with core type ${hex(code)}`, at);
  return code === 0x7e;
}

function readOptions(source: Source): CanonOptions {
  const { reader } = source;
  const options = {
    encoding: 'utf8' as CanonOptions['encoding'],
    memory: undefined as number | undefined,
    realloc: undefined as number | undefined,
    postReturn: undefined as number | undefined,
    async: false,
    callback: undefined as number | undefined,
    others: [] as string[],
  };
  readVector(source, () => {
    const at = reader.offset;
    const code = reader.u8();
    if (code === 0x00) options.encoding = 'utf8';
    else if (code === 0x01) options.encoding = 'utf16';
    else if (code === 0x02) options.encoding = 'latin1+utf16';
    else if (code === 0x03) options.memory = reader.u32();
    else if (code === 0x04) options.realloc = reader.u32();
    else if (code === 0x05) options.postReturn = reader.u32();
    else if (code === 0x06) options.async = true;
    else if (code === 0x07) options.callback = reader.u32();
    else if (code === 0x08) options.others.push(`core-type ${reader.u32()}`);
    else if (code === 0x09) options.others.push('gc');
    else throw unsupported(`a canonical option ${hex(code)}`, at);
  });
  return options;
}

function expectZero(reader: ByteReader): void {
  const at = reader.offset;
  const byte = reader.u8();
  if (byte !== 0x00) throw unsupported(`a canonical definition of kind ${hex(byte)}`, at);
}
