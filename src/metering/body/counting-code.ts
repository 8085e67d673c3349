import { IntList } from '../int-list.ts';
import { EMPTY, Op as Opcodes } from '../opcode.ts';
import { CodeWriter } from './code-writer.ts';

const Op = Opcodes;

/**
 * A body that is being written, and the counter in it: a local that runs down. What is owed since it was last lowered is
 * `pending`, and nothing is emitted for it until `pay` or one of its kin.
 */
export class CountingCode extends CodeWriter {
  /** The local that holds the counter. */
  counter = 0;
  pending = 0;
  /** Whether the body has a counter at all. */
  counts = false;
  /** Where the code of the body begins in the output, behind its locals. */
  codeStart = 0;
  /** Branch hints: twice the offset in the code, and 1 when the branch is likely. */
  readonly hints: IntList = new IntList();
  /** Looks at the budget that were inserted, and payments between them. */
  checks = 0;
  payments = 0;
  readonly #fuel: number;
  readonly #refill: number;

  /** @param fuel the global that all instances share; @param refill the function that asks for more, or traps */
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

  /** The counter, all paid, onto the stack; the local is behind it until it is set again. */
  getPaid(): void {
    this.get();
    if (this.pending !== 0) {
      this.withConstant(Op.i64Const, this.pending, Op.i64Sub);
      this.payments++;
    }
    this.pending = 0;
  }

  /** counter -= from - to; `to` is pending then. */
  pay(from: number, to: number): void {
    this.pending = to;
    if (from === to) return;
    this.payments++;
    this.get();
    this.withConstant(Op.i64Const, from - to, Op.i64Sub);
    this.set();
  }

  payAndStore(): void {
    if (!this.counts) return;
    const owed = this.pending !== 0;
    this.getPaid();
    if (owed) this.tee();
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

  /** Lowers the counter in the cell, where it is now, and in the local; asks for more when it is below zero. */
  payInCell(cost: number): void {
    this.pending = 0;
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

  /** The new counter is on the stack: keep it, and ask for more when it is below zero. */
  checkTop(): void {
    this.tee();
    this.refillIfBelow();
  }

  payAndCheck(): void {
    const owed = this.pending !== 0;
    this.getPaid();
    if (owed) this.checkTop();
    else this.refillIfBelow();
  }

  /** Takes the counter from the stack and asks for more when it is below zero; for the cell too when that holds it. */
  refillIfBelow(inCell: boolean = false): void {
    this.withConstant(Op.i64Const, 0, Op.i64LtS);
    // The branch that is written next is unlikely.
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
