import type { ByteReader } from '../byte-reader.ts';
import type { Canon, CanonOptions } from './ast.ts';
import { hex, readVector, type Source, unsupported } from './source.ts';

type Operand = 'index' | 'byte' | 'options' | 'result';

/**
 * The built-ins of asynchronous components: each name with the operands to skip. They are read here and refused
 * elsewhere.
 */
const BUILTINS = new Map<number, readonly [name: string, ...operands: Operand[]]>([
  [0x05, ['task.cancel']],
  [0x06, ['subtask.cancel', 'byte']],
  [0x07, ['resource.drop async', 'index']],
  [0x08, ['backpressure.set']],
  [0x09, ['task.return', 'result', 'options']],
  [0x0a, ['context.get', 'byte', 'index']],
  [0x0b, ['context.set', 'byte', 'index']],
  [0x0c, ['thread.yield', 'byte']],
  [0x0d, ['subtask.drop']],
  [0x0e, ['stream.new', 'index']],
  [0x0f, ['stream.read', 'index', 'options']],
  [0x10, ['stream.write', 'index', 'options']],
  [0x11, ['stream.cancel-read', 'index', 'byte']],
  [0x12, ['stream.cancel-write', 'index', 'byte']],
  [0x13, ['stream.drop-readable', 'index']],
  [0x14, ['stream.drop-writable', 'index']],
  [0x15, ['future.new', 'index']],
  [0x16, ['future.read', 'index', 'options']],
  [0x17, ['future.write', 'index', 'options']],
  [0x18, ['future.cancel-read', 'index', 'byte']],
  [0x19, ['future.cancel-write', 'index', 'byte']],
  [0x1a, ['future.drop-readable', 'index']],
  [0x1b, ['future.drop-writable', 'index']],
  [0x1c, ['error-context.new', 'options']],
  [0x1d, ['error-context.debug-message', 'options']],
  [0x1e, ['error-context.drop']],
  [0x1f, ['waitable-set.new']],
  [0x20, ['waitable-set.wait', 'byte', 'index']],
  [0x21, ['waitable-set.poll', 'byte', 'index']],
  [0x22, ['waitable-set.drop']],
  [0x23, ['waitable.join']],
  [0x24, ['backpressure.inc']],
  [0x25, ['backpressure.dec']],
  [0x26, ['thread.index']],
  [0x27, ['thread.new-indirect', 'index', 'index']],
  [0x28, ['thread.switch-to', 'byte']],
  [0x29, ['thread.suspend', 'byte']],
  [0x2a, ['thread.resume-later']],
  [0x2b, ['thread.yield-to', 'byte']],
  [0x40, ['thread.spawn-ref', 'index']],
  [0x41, ['thread.spawn-indirect', 'index', 'index']],
  [0x42, ['thread.available-parallelism']],
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
      for (const operand of operands) skipOperand(source, operand);
      return { kind: 'builtin', name };
    }
  }
}

function skipOperand(source: Source, operand: Operand): void {
  const { reader } = source;
  if (operand === 'index') reader.u32();
  else if (operand === 'byte') reader.u8();
  else if (operand === 'options') readOptions(source);
  else if (reader.u8() === 0x00) reader.s33();
  else reader.u8();
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
