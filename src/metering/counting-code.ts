import type { BranchHint } from './branch-hints.ts';
import { EMPTY, Op } from './opcode.ts';

/**
 * A body that is being written, and the counter in it: a local that runs down. What is owed since it was last lowered is
 * `pending`, and nothing is emitted for it until `pay` or one of its kin.
 */
export class CountingCode {
  out = new Uint8Array(1 << 16);
  length = 0;
  /** The local that holds the counter. */
  counter = 0;
  pending = 0;
  /** Whether the body has a counter at all. */
  counts = false;
  hints: BranchHint[] = [];
  /** Looks at the budget that were inserted, and payments between them. */
  checks = 0;
  payments = 0;
  readonly #fuel: number;
  readonly #refill: number;

  /** @param fuel the global that all instances share; @param refill the function that asks for more, or traps */
  constructor(fuel: number, refill: number) {
    this.#fuel = fuel;
    this.#refill = refill;
  }

  ensure(more: number): void {
    if (this.length + more <= this.out.length) return;
    const grown = new Uint8Array(Math.max(this.out.length * 2, this.length + more));
    grown.set(this.out.subarray(0, this.length));
    this.out = grown;
  }

  op(byte: number): void {
    this.ensure(1);
    this.out[this.length++] = byte;
  }

  raw(bytes: Uint8Array): void {
    this.ensure(bytes.length);
    this.out.set(bytes, this.length);
    this.length += bytes.length;
  }

  u32(value: number): void {
    this.ensure(5);
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.out[this.length++] = (rest % 0x80) | 0x80;
    this.out[this.length++] = rest;
  }

  signed(value: number): void {
    this.ensure(10);
    let rest = value;
    for (;;) {
      const low = ((rest % 0x80) + 0x80) % 0x80;
      rest = Math.floor(rest / 0x80);
      const last = (rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40);
      this.out[this.length++] = last ? low : low | 0x80;
      if (last) return;
    }
  }

  get(): void {
    this.op(Op.localGet);
    this.u32(this.counter);
  }

  set(): void {
    this.op(Op.localSet);
    this.u32(this.counter);
  }

  /** The counter, all paid, onto the stack; the local is behind it until it is set again. */
  getPaid(): void {
    this.get();
    if (this.pending !== 0) {
      this.op(Op.i64Const);
      this.signed(this.pending);
      this.op(Op.i64Sub);
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
    this.op(Op.i64Const);
    this.signed(from - to);
    this.op(Op.i64Sub);
    this.set();
  }

  payAndStore(): void {
    if (!this.counts) return;
    const owed = this.pending !== 0;
    this.getPaid();
    if (owed) {
      this.op(Op.localTee);
      this.u32(this.counter);
    }
    this.op(Op.globalSet);
    this.u32(this.#fuel);
  }

  store(): void {
    this.get();
    this.op(Op.globalSet);
    this.u32(this.#fuel);
  }

  load(): void {
    this.op(Op.globalGet);
    this.u32(this.#fuel);
    this.set();
  }

  check(): void {
    this.get();
    this.refillIfBelow();
  }

  /** The new counter is on the stack: keep it, and ask for more when it is below zero. */
  checkTop(): void {
    this.op(Op.localTee);
    this.u32(this.counter);
    this.refillIfBelow();
  }

  payAndCheck(): void {
    const owed = this.pending !== 0;
    this.getPaid();
    if (owed) this.checkTop();
    else this.refillIfBelow();
  }

  refillIfBelow(): void {
    this.refillIf(() => {
      this.op(Op.i64Const);
      this.op(0);
      this.op(Op.i64LtS);
    });
  }

  refillIf(condition: () => void): void {
    condition();
    this.hints.push({ offset: this.length, likely: false });
    this.op(Op.if);
    this.op(EMPTY);
    this.refillNow();
    this.op(Op.end);
  }

  refillNow(): void {
    this.checks++;
    this.get();
    this.op(Op.call);
    this.u32(this.#refill);
    this.set();
  }
}
