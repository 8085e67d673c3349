import { ByteWriter } from '#wasm';
import { IntList } from '../int-list.ts';
import { NAMESPACE } from '../metadata.ts';
import { EMPTY, Misc, Op } from '../opcode.ts';

/** A function that metering adds to the module. */
export interface AppendedFunction {
  readonly name: string;
  readonly type: number;
  readonly body: Uint8Array;
  /** Branch hints as in `CountingCode`; their offsets count from the beginning of the body. */
  readonly hints: IntList;
}

const UNWRITTEN: AppendedFunction = { name: '', type: 0, body: new Uint8Array(), hints: new IntList(1) };

/** The body of an appended function: its local declarations, then its code. */
export class AppendedBody extends ByteWriter {
  readonly hints: IntList = new IntList(2);

  constructor() {
    super(32);
  }

  operators(...bytes: number[]): this {
    for (const byte of bytes) this.u8(byte);
    return this;
  }

  get(local: number): this {
    return this.u8(Op.localGet).u32(local);
  }

  set(local: number): this {
    return this.u8(Op.localSet).u32(local);
  }

  getGlobal(global: number): this {
    return this.u8(Op.globalGet).u32(global);
  }

  setGlobal(global: number): this {
    return this.u8(Op.globalSet).u32(global);
  }

  call(index: number): this {
    return this.u8(Op.call).u32(index);
  }

  /** Passes the counter on the stack to a hook, which answers another counter. */
  callWithCounter(hook: number): this {
    return this.u8(Op.f64ConvertI64S).call(hook).counter();
  }

  /** Turns the counter that a hook has answered into an i64. */
  counter(): this {
    return this.operators(Op.misc, Misc.i64TruncSatF64S);
  }

  constant64(value: number): this {
    return this.u8(Op.i64Const).s64(BigInt(value));
  }

  /** Pushes the first `parameters` locals onto the stack. */
  pass(parameters: number): this {
    for (let local = 0; local < parameters; local++) this.get(local);
    return this;
  }

  /** Opens an `if` that is taken when the i64 on the stack is negative; a hint says that this is unlikely. */
  ifBelow(): this {
    this.operators(Op.i64Const, 0, Op.i64LtS);
    this.hints.push(this.length * 2);
    return this.operators(Op.if, EMPTY);
  }

  end(): this {
    return this.u8(Op.end);
  }
}

/** Functions that metering appends to the module, each on its first request. */
export class AppendedFunctions {
  readonly list: AppendedFunction[] = [];
  readonly #first: number;
  readonly #indices = new Map<string, number>();

  /** @param first the function index of the first appended function */
  constructor(first: number) {
    this.#first = first;
  }

  get first(): number {
    return this.#first;
  }

  /** Returns the index of the function `name`. `write` produces its body and may request other functions. */
  index(name: string, type: number, write: () => AppendedBody): number {
    const known = this.#indices.get(name);
    if (known !== undefined) return known;
    const index = this.#first + this.list.length;
    this.#indices.set(name, index);
    const at = this.list.length;
    this.list.push(UNWRITTEN);
    const body = write();
    this.list[at] = { name: `${NAMESPACE}.${name}`, type, body: body.finish(), hints: body.hints };
    return index;
  }
}
