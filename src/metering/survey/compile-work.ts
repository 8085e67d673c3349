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
 * The most compile work of a function: about 0.2 s of V8's baseline compiler, 0.5 s of its optimiser, and 250 MB
 * meanwhile. The largest function measured among sqlite, PostgreSQL, QuickJS, esbuild and the WebAssembly tools needs a
 * tenth of it.
 */
export const LARGEST_WORK = 10_000_000;

/** A label: the height of the operand stack below its parameters, and how many values it takes and gives. */
interface Label {
  readonly base: number;
  readonly parameters: number;
  readonly results: number;
  /** Whether an exception handler encloses the calls inside it. */
  readonly handles: boolean;
  /** The number of branches to it so far, and of calls that may end in its handler. */
  edges: number;
}

/** A call moves live values out of registers. It takes a sixteenth of the time that a branch takes for that. */
const CALL_SHARE = 16;
/**
 * When an optimiser adds a branch to a label it reads the earlier branches again: four of them in the time of one
 * value.
 */
const EDGES_SHARE = 4;
/**
 * Entries of one branch table are faster: 1.1 ns for each pair, where a value takes 16 ns. The charge is slightly
 * lower.
 */
const TABLE_SHARE = 20;

/**
 * The work that a function causes in an engine's compilers: the number of live values, locals and operands, summed over
 * the places where control splits or joins. A compiler records the place of each value there, so a function of a few
 * kilobytes can take minutes or all memory. Operands are never underestimated, and overestimated only between SIMD
 * operators of one block.
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

  /** Reads a body from after its local declarations, and stops where the work exceeds `limit`. */
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
        // A handler gets at most the parameters of its tag; such operators are few compared with what follows.
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
      // The flags of these operators take one byte.
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

  /** Counts a call, or an operator that metering turns into a call. */
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

  /** Reads a block type: empty, a value type, or the index of a function type, which is not negative. */
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

  /** Counts a branch to the label whose depth is read next. */
  #branch(share: number = EDGES_SHARE): void {
    this.#meet(this.#labels.at(-1 - this.#reader.leb()), share);
  }

  /** Counts a place where control splits or joins, on the path to `label` if there is one. */
  #meet(label?: Label, share: number = EDGES_SHARE): void {
    this.#work += this.#locals + Math.max(this.#height, 0);
    if (label !== undefined) this.#work += label.edges++ / share;
  }

  #catches(): void {
    const reader = this.#reader;
    // The labels of the clauses are counted from outside the block.
    for (let left = reader.leb(); left > 0; left--) {
      if ((reader.bytes[reader.position++] as number) < 2) reader.skipLeb();
      this.#meet(this.#labels.at(-2 - reader.leb()));
    }
  }

  #tagParameters(tag: number): number {
    const type = this.#module.types[this.#module.tags[tag] as number];
    return type?.kind === 'function' ? type.parameters.length : 0;
  }

  /** Skips code that control cannot reach. */
  #dead(): void {
    this.#reader.skipDead();
    this.#height = this.#labels.at(-1)?.base ?? 0;
  }
}

const EMPTY = 0x40;
const NOTHING = { parameters: 0, results: 0 };
const ONE = { parameters: 0, results: 1 };
