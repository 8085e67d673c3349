import {
  type BodyReader,
  EFFECTS,
  Effect as Effects,
  effectBehind,
  HEIGHTS,
  heightBehind,
  VARIES,
} from '#metering/operators';
import type { coreModule } from '#wasm';
import { Gc, Op as Opcodes } from '../opcode.ts';

const Op = Opcodes;
const Effect = Effects;

/**
 * The most that a function may ask for: some 0.2 s of V8's baseline compiler, 0.5 s of its optimiser, and 250 MB while they run.
 * The largest function measured among sqlite, PostgreSQL, QuickJS, esbuild and the WebAssembly tools asks for a tenth.
 */
export const LARGEST_WORK = 10_000_000;

/** A label: the operand stack's height below its parameters, and how many values it takes and gives. */
interface Label {
  readonly base: number;
  readonly parameters: number;
  readonly results: number;
  /** Whether calls inside it may end in a handler. */
  readonly handles: boolean;
  /** Branches to it so far, or calls that may end in its handler. */
  edges: number;
}

/** A call moves what is alive out of registers, in a sixteenth of the time that a branch takes for it. */
const CALL_SHARE = 16;
/** An optimiser that adds a branch to a label passes the earlier ones again, four in the time that one value takes. */
const EDGES_SHARE = 4;
/** The entries of one table are passed faster, 1.1 ns for each pair where a value takes 16 ns; a little less is charged. */
const TABLE_SHARE = 20;

/**
 * What a function asks of an engine's compilers: the values that are alive, locals and operands, added up over the places
 * where control parts or meets. There a compiler writes down where each of them is, so that a function of a few kilobytes
 * can take minutes, or all memory. Operands are never counted too low, and too high only between SIMD operators of one block.
 */
export class CompileWork {
  readonly #module: coreModule.CoreModule;
  readonly #reader: BodyReader;
  readonly #labels: Label[] = [];
  readonly #handlers: Label[] = [];
  #locals = 0;
  #height = 0;
  #work = 0;

  constructor(module: coreModule.CoreModule, reader: BodyReader) {
    this.#module = module;
    this.#reader = reader;
  }

  /** Reads a body from behind the declarations of its locals, up to where it exceeds `limit`. */
  measure(locals: number, results: number, limit: number): number {
    const reader = this.#reader;
    this.#locals = locals;
    this.#height = 0;
    this.#work = 0;
    this.#labels.length = 0;
    this.#handlers.length = 0;
    this.#labels.push({ base: 0, parameters: 0, results, handles: false, edges: 0 });
    while (this.#labels.length > 0 && this.#work <= limit) {
      const at = reader.position++;
      this.#step(reader.bytes[at] as number, at);
    }
    return this.#work;
  }

  #step(opcode: number, at: number): void {
    const reader = this.#reader;
    switch (EFFECTS[opcode]) {
      case Effect.open:
        this.#open(opcode === Op.if ? 1 : 0, opcode === Op.try || opcode === Op.tryTable);
        if (opcode === Op.tryTable) this.#catches();
        return;
      case Effect.close:
        this.#closes(opcode, at);
        return;
      case Effect.branch:
        this.#branches(opcode, at);
        return;
      case Effect.call:
        this.#calls(opcode, at);
        return;
      case Effect.throw:
        reader.skipImmediates(opcode);
        this.#meet();
        this.#dead();
        return;
      case Effect.charge:
        this.#leaveRegisters();
        break;
      case Effect.prefix:
        this.#prefixed(opcode, at);
        return;
    }
    const height = HEIGHTS[opcode] as number;
    if (height === VARIES) throw reader.unknown(at, opcode);
    this.#height += height;
    reader.skipImmediates(opcode);
  }

  #closes(opcode: number, at: number): void {
    const reader = this.#reader;
    const label = this.#labels.at(-1) as Label;
    switch (opcode) {
      case Op.else:
        this.#meet(label);
        this.#height = label.base + label.parameters;
        return;
      case Op.catch:
      case Op.catchAll:
        this.#meet(label);
        // What a handler is given is at most the parameters of its tag; such operators are few beside what follows.
        this.#height = label.base + (opcode === Op.catch ? this.#tagParameters(reader.leb()) : 0);
        return;
      case Op.delegate:
        reader.skipLeb();
        this.#close();
        return;
      case Op.end:
        this.#close();
        return;
      default:
        throw reader.unknown(at, opcode);
    }
  }

  #branches(opcode: number, at: number): void {
    const reader = this.#reader;
    switch (opcode) {
      case Op.brIf:
        this.#height--;
        this.#branch();
        return;
      case Op.brOnNull:
      case Op.brOnNonNull:
        this.#branch();
        if (opcode === Op.brOnNonNull) this.#height--;
        return;
      case Op.brTable:
        for (let left = reader.leb(); left >= 0; left--) this.#branch(TABLE_SHARE);
        this.#dead();
        return;
      case Op.br:
        this.#branch();
        this.#dead();
        return;
      case Op.return:
        this.#meet();
        this.#dead();
        return;
      default:
        throw reader.unknown(at, opcode);
    }
  }

  #calls(opcode: number, at: number): void {
    const reader = this.#reader;
    switch (opcode) {
      case Op.call:
        this.#call(this.#module.functions[reader.leb()] as number, 0);
        return;
      case Op.callIndirect:
      case Op.callRef:
        this.#call(reader.leb(), 1);
        if (opcode === Op.callIndirect) reader.skipLeb();
        return;
      case Op.returnCall:
      case Op.returnCallRef:
      case Op.returnCallIndirect:
        reader.skipImmediates(opcode);
        this.#meet();
        this.#dead();
        return;
      default:
        throw reader.unknown(at, opcode);
    }
  }

  #prefixed(opcode: number, at: number): void {
    const reader = this.#reader;
    const sub = reader.leb();
    if (opcode !== Op.vector) this.#leaveRegisters();
    if (effectBehind(opcode, sub) === Effect.branch) {
      // Their flags take one byte.
      reader.position++;
      this.#branch();
    } else this.#height += this.#heightBehind(opcode, sub, at);
    reader.position = at + 1;
    reader.skipImmediates(opcode);
  }

  #heightBehind(opcode: number, sub: number, at: number): number {
    const reader = this.#reader;
    const height = heightBehind(opcode, sub);
    if (height !== VARIES) return height;
    if (opcode === Op.gc && sub === Gc.structNew) {
      const type = this.#module.types[reader.leb()];
      return 1 - (type?.kind === 'struct' ? type.fields.length : 0);
    }
    if (opcode === Op.gc && sub === Gc.arrayNewFixed) {
      reader.skipLeb();
      return 1 - reader.leb();
    }
    throw reader.unknown(at, opcode, sub);
  }

  #call(type: number, more: number): void {
    this.#leaveRegisters();
    const called = this.#module.types[type];
    if (called?.kind !== 'function') return;
    this.#height += called.results.length - called.parameters.length - more;
  }

  /** A call, or what metering makes one of. */
  #leaveRegisters(): void {
    const handler = this.#handlers.at(-1);
    if (handler !== undefined) this.#meet(handler);
    else this.#work += (this.#locals + Math.max(this.#height, 0)) / CALL_SHARE;
  }

  #open(condition: number, handles: boolean): void {
    const { parameters, results } = this.#blockType();
    this.#height -= condition;
    this.#meet();
    const label = { base: this.#height - parameters, parameters, results, handles, edges: 0 };
    this.#labels.push(label);
    if (handles) this.#handlers.push(label);
  }

  /** A block type is `empty`, a value type, or the index of a function type, which is not negative. */
  #blockType(): { parameters: number; results: number } {
    const reader = this.#reader;
    const start = reader.position;
    const byte = reader.bytes[start] as number;
    reader.skipBlockType();
    if (byte === EMPTY) return NOTHING;
    const isIndex = byte >= 0x80 ? true : (byte & 0x40) === 0;
    if (!isIndex) return ONE;
    const end = reader.position;
    reader.position = start;
    const type = this.#module.types[reader.leb()];
    reader.position = end;
    return type?.kind === 'function' ? { parameters: type.parameters.length, results: type.results.length } : NOTHING;
  }

  #close(): void {
    const label = this.#labels.pop() as Label;
    if (label.handles) this.#handlers.pop();
    this.#meet(label);
    this.#height = label.base + label.results;
  }

  /** A branch to the label whose depth is read. */
  #branch(share: number = EDGES_SHARE): void {
    this.#meet(this.#labels.at(-1 - this.#reader.leb()), share);
  }

  /** Control parts or meets here, on a way to the label if there is one. */
  #meet(label?: Label, share: number = EDGES_SHARE): void {
    this.#work += this.#locals + Math.max(this.#height, 0);
    if (label !== undefined) this.#work += label.edges++ / share;
  }

  #catches(): void {
    const reader = this.#reader;
    // Their labels are counted from outside of it.
    for (let left = reader.leb(); left > 0; left--) {
      if ((reader.bytes[reader.position++] as number) < 2) reader.skipLeb();
      this.#meet(this.#labels.at(-2 - reader.leb()));
    }
  }

  #tagParameters(tag: number): number {
    const type = this.#module.types[this.#module.tags[tag] as number];
    return type?.kind === 'function' ? type.parameters.length : 0;
  }

  /** Control does not go on: passes what it does not reach. */
  #dead(): void {
    this.#reader.skipDead();
    this.#height = this.#labels.at(-1)?.base ?? 0;
  }
}

const EMPTY = 0x40;
const NOTHING = { parameters: 0, results: 0 };
const ONE = { parameters: 0, results: 1 };
