import { IntList } from '../int-list.ts';
import { EMPTY, Op as Opcodes } from '../opcode.ts';
import { CodeWriter } from './code-writer.ts';

const Op = Opcodes;

/**
 * A body that is being written, together with its counter, a local that counts down. `deferred` is the cost since the
 * counter was last lowered; code for it is emitted only by `pay` and the other paying methods.
 */
export class CountingCode extends CodeWriter {
  /** The index of the local that holds the counter. */
  counter = 0;
  deferred = 0;
  /** Whether this body has a counter. */
  counts = false;
  /** The offset in the output where the body's code begins, after its local declarations. */
  codeStart = 0;
  /** Branch hints: twice the offset in the code, plus 1 when the branch is likely. */
  readonly hints: IntList = new IntList();
  /** The number of budget checks inserted into the body, and of payments between them. */
  checks = 0;
  payments = 0;
  readonly #fuel: number;
  readonly #refill: number;

  /** @param fuel the global that all instances share; @param refill the function that asks for more fuel, or traps */
  constructor(fuel: number, refill: number) {
    super();
    this.#fuel = fuel;
    this.#refill = refill;
  }

  get(): void {
    this.indexed(Op.localGet, this.counter);
  }

  set(): void {
    this.indexed(Op.localSet, this.counter);
  }

  tee(): void {
    this.indexed(Op.localTee, this.counter);
  }

  /** Pushes the counter with all cost paid. The local is stale until it is set again. */
  getPaid(): void {
    this.get();
    if (this.deferred !== 0) {
      this.withConstant(Op.i64Const, this.deferred, Op.i64Sub);
      this.payments++;
    }
    this.deferred = 0;
  }

  /** Writes `counter -= from - to`, after which `to` is the deferred cost. */
  pay(from: number, to: number): void {
    this.deferred = to;
    if (from === to) return;
    this.payments++;
    this.get();
    this.withConstant(Op.i64Const, from - to, Op.i64Sub);
    this.set();
  }

  payAndStore(): void {
    if (!this.counts) return;
    const defers = this.deferred !== 0;
    this.getPaid();
    if (defers) this.tee();
    this.indexed(Op.globalSet, this.#fuel);
  }

  store(): void {
    this.get();
    this.indexed(Op.globalSet, this.#fuel);
  }

  load(): void {
    this.indexed(Op.globalGet, this.#fuel);
    this.set();
  }

  /** Lowers the counter in the cell, which holds it now, and in the local; asks for more when it is negative. */
  payInCell(cost: number): void {
    this.deferred = 0;
    this.indexed(Op.globalGet, this.#fuel);
    this.withConstant(Op.i64Const, cost, Op.i64Sub);
    this.tee();
    this.indexed(Op.globalSet, this.#fuel);
    this.get();
    this.refillIfBelow(true);
  }

  check(): void {
    this.get();
    this.refillIfBelow();
  }

  /** Sets the counter from the stack, and asks for more when it is negative. */
  checkTop(): void {
    this.tee();
    this.refillIfBelow();
  }

  payAndCheck(): void {
    const defers = this.deferred !== 0;
    this.getPaid();
    if (defers) this.checkTop();
    else this.refillIfBelow();
  }

  /**
   * Sets the counter from the stack and asks for more when it is negative; updates the cell too when the cell holds it.
   */
  refillIfBelow(inCell: boolean = false): void {
    this.withConstant(Op.i64Const, 0, Op.i64LtS);
    // The next branch to be written is unlikely.
    this.hints.push((this.length - this.codeStart) * 2);
    this.op(Op.if);
    this.op(EMPTY);
    this.checks++;
    this.get();
    this.indexed(Op.call, this.#refill);
    this.set();
    if (inCell) this.store();
    this.op(Op.end);
  }
}
