import { coreModule } from '#wasm';
import { MeteringError } from '../errors.ts';
import { Op as Opcodes } from '../opcode.ts';
import { Effect as Effects } from './operator-classes.ts';
import { EFFECTS as EffectTable, effectBehind } from './operator-effects.ts';
import { SHAPE, SHAPES } from './operator-shape.ts';

const Op = Opcodes;
const Effect = Effects;
const EFFECTS = EffectTable;
const { size: SIZE, costShift: COST_SHIFT } = SHAPE;
const { GC, Immediate, MISC, PLAIN, VECTOR } = coreModule;

/** Steps through function bodies of a module that an engine has validated. */
export class BodyReader {
  readonly bytes: Uint8Array;
  position = 0;
  end = 0;
  /** Which exception encodings were found, as bits: 1 for the legacy one, 2 for the newer one. */
  encodings = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Reads an unsigned LEB128 of at most 32 bits. */
  leb(): number {
    const { bytes } = this;
    let byte = bytes[this.position++] as number;
    if (byte < 0x80) return byte;
    let result = byte & 0x7f;
    for (let shift = 7; ; shift += 7) {
      byte = bytes[this.position++] as number;
      if (byte === undefined) throw this.malformed('the bytes end too early');
      result |= (byte & 0x7f) << shift;
      if (byte < 0x80) return result >>> 0;
    }
  }

  skipLeb(): void {
    while ((this.bytes[this.position++] as number) >= 0x80);
  }

  /**
   * Skips operators that only compute, up to the first that does more. Returns their cost. Every body ends in an
   * operator of the latter kind.
   */
  passPlain(): number {
    const { bytes } = this;
    const shapes = SHAPES;
    let { position } = this;
    let cost = 0;
    for (;;) {
      let opcode: number;
      let shape: number;
      for (;;) {
        opcode = bytes[position] as number;
        shape = shapes[opcode] as number;
        const next = ((bytes[position + 1] as number) << 8) | ((bytes[position + 2] as number) << 16);
        if (shape === 0 || (next & shape & 0xffff00) !== 0) break;
        position += shape & SIZE;
        cost += (shape >>> COST_SHIFT) & 1;
      }
      if (shape === 0) break;
      cost += (shape >>> COST_SHIFT) & 1;
      this.position = position + 1;
      this.skipKind(PLAIN[opcode] as number, opcode, position);
      position = this.position;
    }
    this.position = position;
    return cost;
  }

  /** Skips the local declarations. Returns how many locals they declare. */
  skipLocals(): number {
    let declared = 0;
    for (let groups = this.leb(); groups > 0; groups--) {
      declared += this.leb();
      this.skipValueType();
    }
    return declared;
  }

  skipValueType(): void {
    const code = this.bytes[this.position++] as number;
    if (code === 0x63 || code === 0x64) this.skipLeb();
  }

  /** Skips a block type: empty, a value type or a type index. Only reference types go on after the first LEB128. */
  skipBlockType(): void {
    const code = this.bytes[this.position] as number;
    if (code === 0x63 || code === 0x64) this.position++;
    this.skipLeb();
  }

  skipMemory(): void {
    const align = this.leb();
    if ((align & 0x40) !== 0) this.skipLeb();
    this.skipLeb();
  }

  /**
   * Skips the immediates of an operator whose opcode was just read.
   * @throws {MeteringError} `METERING_UNKNOWN_OPERATOR`
   */
  skipImmediates(opcode: number): void {
    const at = this.position - 1;
    const effect = EFFECTS[opcode] as number;
    if (effect === Effect.unknown) throw this.unknown(at, opcode);
    let kind = PLAIN[opcode] as number;
    if (effect === Effect.prefix) {
      const sub = this.leb();
      if (effectBehind(opcode, sub) === Effect.unknown) throw this.unknown(at, opcode, sub);
      kind = (opcode === Op.gc ? GC : opcode === Op.misc ? MISC : VECTOR)[sub] as number;
    }
    this.skipKind(kind, opcode, at);
  }

  skipKind(kind: number, opcode: number, at: number): void {
    switch (kind) {
      case 1 satisfies typeof Immediate.none:
        return;
      case 2 satisfies typeof Immediate.leb:
        this.skipLeb();
        return;
      case 3 satisfies typeof Immediate.twoLebs:
        this.skipLeb();
        this.skipLeb();
        return;
      case 4 satisfies typeof Immediate.memory:
        this.skipMemory();
        return;
      case 13 satisfies typeof Immediate.memoryLane:
        this.skipMemory();
        this.position++;
        return;
      case 5 satisfies typeof Immediate.block:
        this.skipBlockType();
        return;
      case 8 satisfies typeof Immediate.catches:
        this.skipBlockType();
        for (let left = this.leb(); left > 0; left--) {
          if ((this.bytes[this.position++] as number) < 2) this.skipLeb();
          this.skipLeb();
        }
        return;
      case 6 satisfies typeof Immediate.labels:
        for (let left = this.leb(); left >= 0; left--) this.skipLeb();
        return;
      case 7 satisfies typeof Immediate.types:
        for (let left = this.leb(); left > 0; left--) this.skipValueType();
        return;
      case 9 satisfies typeof Immediate.bytes4:
        this.position += 4;
        return;
      case 10 satisfies typeof Immediate.bytes8:
        this.position += 8;
        return;
      case 11 satisfies typeof Immediate.bytes16:
        this.position += 16;
        return;
      case 12 satisfies typeof Immediate.byte:
        this.position++;
        return;
      case 14 satisfies typeof Immediate.cast:
        this.position++;
        this.skipLeb();
        this.skipLeb();
        this.skipLeb();
        return;
      default:
        throw this.unknown(at, opcode);
    }
  }

  noteEncoding(opcode: number): void {
    if (opcode === Op.try) this.encodings |= 1;
    else if (opcode === Op.tryTable || opcode === Op.throwRef) this.encodings |= 2;
  }

  /** Skips code that control cannot reach, up to the `else`, `catch`, `end` or `delegate` of the innermost label. */
  skipDead(): void {
    let depth = 0;
    for (;;) {
      const at = this.position;
      if (at >= this.end) throw this.malformed('a body ends too early');
      const opcode = this.bytes[at] as number;
      const effect = EFFECTS[opcode] as number;
      if (effect === Effect.close) {
        const ends = opcode === Op.end || opcode === Op.delegate;
        if (!ends && opcode !== Op.else && opcode !== Op.catch && opcode !== Op.catchAll)
          throw this.unknown(at, opcode);
        if (depth === 0) return;
        if (ends) depth--;
      } else if (effect === Effect.open) depth++;
      this.position++;
      this.noteEncoding(opcode);
      this.skipImmediates(opcode);
    }
  }

  unknown(at: number, opcode: number, sub?: number): MeteringError {
    const name = `0x${opcode.toString(16)}${sub === undefined ? '' : ` 0x${sub.toString(16)}`}`;
    if (opcode === Op.atomic) {
      return new MeteringError(
        'METERING_UNSUPPORTED',
        `atomic operator ${name} at offset ${at}: build without threads`,
        {
          details: { offset: at },
        },
      );
    }
    return new MeteringError(
      'METERING_UNKNOWN_OPERATOR',
      `opcode ${name} at offset ${at}; build for the features that docs/metering.md lists`,
      { details: { opcode, ...(sub === undefined ? {} : { suboperation: sub }), offset: at } },
    );
  }

  malformed(what: string): MeteringError {
    return new MeteringError('METERING_INVALID_MODULE', `${what} at offset ${this.position}`);
  }
}
