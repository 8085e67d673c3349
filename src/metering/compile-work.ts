import type { coreModule } from '#wasm';
import type { BodyReader } from './body-reader.ts';
import { Gc, Misc, Op as Opcodes } from './opcode.ts';
import { STACK_EFFECTS } from './stack-effects.ts';

const Op = Opcodes;

/**
 * The most that a function may ask for: some 0.2 s of V8's baseline compiler, 0.5 s of its optimiser, and 250 MB while they run.
 * The largest function measured among sqlite, PostgreSQL, QuickJS, esbuild and the WebAssembly tools asks for a tenth.
 */
export const LARGEST_WORK = 10_000_000;

const V128_CONST = 0x0c;
const V128_STORE = 0x0b;

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
      const opcode = reader.bytes[reader.position++] as number;
      if (!this.#control(opcode)) this.#plain(opcode);
    }
    return this.#work;
  }

  /** Operators at which control parts or meets; whether this is one. */
  #control(opcode: number): boolean {
    const reader = this.#reader;
    switch (opcode) {
      case Op.block:
      case Op.loop:
      case Op.try:
      case Op.tryTable:
        this.#open(0, opcode === Op.try || opcode === Op.tryTable);
        if (opcode === Op.tryTable) this.#catches();
        return true;
      case Op.if:
        this.#open(1, false);
        return true;
      case Op.else:
      case Op.catch:
      case Op.catchAll: {
        const label = this.#labels.at(-1) as Label;
        this.#meet(label);
        // What a handler is given is at most the parameters of its tag; such operators are few beside what follows.
        const given = opcode === Op.catch ? this.#tagParameters(reader.leb()) : 0;
        this.#height = label.base + (opcode === Op.else ? label.parameters : given);
        return true;
      }
      case Op.delegate:
        reader.skipLeb();
        this.#close();
        return true;
      case Op.end:
        this.#close();
        return true;
      case Op.brIf:
        this.#height--;
        this.#branch();
        return true;
      case Op.brOnNull:
      case Op.brOnNonNull:
        this.#branch();
        if (opcode === Op.brOnNonNull) this.#height--;
        return true;
      case Op.brTable: {
        for (let left = reader.leb(); left >= 0; left--) this.#branch();
        this.#dead();
        return true;
      }
      case Op.br:
        this.#branch();
        this.#dead();
        return true;
      case Op.rethrow:
      case Op.throw:
        reader.skipLeb();
        this.#meet();
        this.#dead();
        return true;
      case Op.return:
      case Op.throwRef:
      case Op.unreachable:
        this.#meet();
        this.#dead();
        return true;
      case Op.returnCall:
      case Op.returnCallRef:
      case Op.returnCallIndirect:
        reader.skipLeb();
        if (opcode === Op.returnCallIndirect) reader.skipLeb();
        this.#meet();
        this.#dead();
        return true;
      default:
        return false;
    }
  }

  #plain(opcode: number): void {
    const reader = this.#reader;
    const { types, functions } = this.#module;
    const operands = reader.position;
    switch (opcode) {
      case Op.call:
        this.#call(functions[reader.leb()] as number, 0);
        break;
      case Op.callIndirect:
      case Op.callRef:
        this.#call(reader.leb(), 1);
        break;
      case Op.misc:
        this.#leaveRegisters();
        this.#height += miscEffect(reader.leb());
        break;
      case Op.memoryGrow:
        this.#leaveRegisters();
        break;
      case Op.gc: {
        const sub = reader.leb();
        const isBranch = sub === Gc.brOnCast || sub === Gc.brOnCastFail;
        this.#leaveRegisters();
        if (isBranch) {
          reader.position++;
          this.#branch();
        } else this.#height += gcEffect(sub, reader, types);
        break;
      }
      case Op.vector: {
        const sub = reader.leb();
        if (sub === V128_CONST) this.#height++;
        else if (sub === V128_STORE) this.#height -= 2;
        break;
      }
      default:
        this.#height += STACK_EFFECTS[opcode] as number;
    }
    reader.position = operands;
    reader.skipImmediates(opcode);
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
  #branch(): void {
    this.#meet(this.#labels.at(-1 - this.#reader.leb()));
  }

  /** Control parts or meets here, on a way to the label if there is one. */
  #meet(label?: Label): void {
    this.#work += this.#locals + Math.max(this.#height, 0);
    if (label !== undefined) this.#work += label.edges++ / EDGES_SHARE;
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

/** Of operators behind 0xfb: what they take besides their one result, where they give one. */
function gcEffect(sub: number, reader: BodyReader, types: readonly coreModule.DefinedType[]): number {
  switch (sub) {
    case Gc.structNew: {
      const type = types[reader.leb()];
      return 1 - (type?.kind === 'struct' ? type.fields.length : 0);
    }
    case Gc.structNewDefault:
      return 1;
    case Gc.arrayNewFixed:
      reader.skipLeb();
      return 1 - reader.leb();
    case Gc.structSet:
      return -2;
    case Gc.arraySet:
      return -3;
    case Gc.arrayFill:
    case Gc.arrayInitData:
    case Gc.arrayInitElem:
      return -4;
    case Gc.arrayCopy:
      return -5;
    default:
      return (sub >= Gc.arrayNew && sub <= Gc.arrayNewElem && sub !== Gc.arrayNewDefault) ||
        (sub >= Gc.arrayGet && sub <= Gc.arrayGetU)
        ? -1
        : 0;
  }
}

function miscEffect(sub: number): number {
  if (sub < Misc.memoryInit || sub === Misc.dataDrop || sub === Misc.elemDrop) return 0;
  if (sub === Misc.tableSize) return 1;
  return sub === Misc.tableGrow ? -1 : -3;
}
