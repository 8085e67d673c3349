import type { Assembly } from '#metering/assembly';
import { BodyReader } from '#metering/operators';
import type { FunctionPlan } from '#metering/plan';
import type { coreModule } from '#wasm';
import { EMPTY, Op as Opcodes } from '../opcode.ts';
import { CountingCode } from './counting-code.ts';
import { type Foresight, NO_FORESIGHT } from './foresight.ts';
import { HOST_EXCEPTION_BYTES, sharedTags } from './host-exceptions.ts';
import { type Label, LabelStack, UNSET } from './label.ts';

const Op = Opcodes;

/** Thrown when a body turns out to need foresight. Rewriting then starts again with it. */
export const AGAIN: unique symbol = Symbol('again');

const UNPLANNED: FunctionPlan = { convention: 'untouched', checked: false, entry: 0, weight: 0, operators: 0 };

/** One body while it is read and rewritten: both positions, and the open labels. */
export class MeteredBody extends CountingCode {
  readonly assembly: Assembly;
  readonly reader: BodyReader;
  readonly bytes: Uint8Array;
  /**
   * The fuel of every operator that is not free; 0 in mode `deadline`, which charges functions and loops as a whole.
   */
  readonly cost: number;
  readonly labels: LabelStack = new LabelStack();
  readonly importedGlobals: number;
  readonly sharedTags: ReadonlySet<number>;

  plan: FunctionPlan = UNPLANNED;
  foresight: Foresight = NO_FORESIGHT;
  /** Whether an extra block encloses the code, as the target of branches to the body's own label. */
  isWrapped = false;
  /** The number of blocks that are open in the output. */
  level = 0;
  /**
   * The largest cost of callees since the last budget check; in mode `deadline` the largest cost that was not charged
   * yet.
   */
  unseen = 0;
  mostUnseen = 0;
  /** Whether the budget was checked since the head of the innermost loop. */
  checked = false;
  parameters = 0;
  /** By how much the indices of declared locals move up. */
  shift = 0;
  /** The local that saves an i32 length or index; the next local saves an i64. */
  scratch = 0;
  usesScratch32 = false;
  usesScratch64 = false;
  /** The number of enclosing loops before which the stack reserve was ensured. */
  reservedLoops = 0;
  /** Whether this point is in a loop that keeps the counter in the cell. */
  inHostLoop = false;
  /** The number of the next loop. */
  nextLoop = 0;
  /** The offset of the body in the module. */
  start = 0;
  guestHints: Int32Array = NO_HINTS;
  nextGuestHint = 0;

  constructor(assembly: Assembly) {
    super(assembly.fuel, assembly.refillHelper());
    this.assembly = assembly;
    this.bytes = assembly.module.bytes;
    this.reader = new BodyReader(this.bytes);
    this.importedGlobals = assembly.module.imported.global;
    this.sharedTags = sharedTags(assembly.module);
    this.cost = assembly.plan.mode === 'fuel' ? 1 : 0;
  }

  openLabel(opcode: number, base: number, viaCell: boolean): Label {
    return this.initialise(this.labels.push(), opcode, base, viaCell);
  }

  initialise(label: Label, opcode: number, base: number, viaCell: boolean): Label {
    label.opcode = opcode;
    label.base = base;
    label.reached = false;
    label.entry = this.deferred;
    label.viaCell = viaCell;
    label.keepsHosts = false;
    label.hasElse = false;
    label.level = this.level;
    label.unseenAtEntry = this.unseen;
    label.unseen = 0;
    label.checkedAtEntry = this.checked;
    label.checked = true;
    label.copies = undefined;
    label.hasReserve = false;
    label.carries = false;
    return label;
  }

  /** Returns the label that a branch names. */
  label(depth: number): Label {
    const label = this.labels.out(depth);
    if (label === undefined) throw this.reader.malformed(`no label ${depth}`);
    return label;
  }

  /** Returns the depth by which a branch names the label in the output. */
  depth(label: Label): number {
    return this.level - label.level;
  }

  branch(label: Label): void {
    this.indexed(Op.br, this.depth(label));
  }

  end(): void {
    this.op(Op.end);
    this.level--;
  }

  /** Record a branch to `label`, with the unchecked cost on that path. */
  arrive(label: Label): void {
    if (this.unseen > label.unseen) label.unseen = this.unseen;
    if (!this.checked) label.checked = false;
    label.reached = true;
  }

  /** Record that the budget was checked here, by this body or by its callee. */
  noteCheck(): void {
    if (this.cost > 0) this.unseen = 0;
    this.checked = true;
  }

  /** In mode `deadline`: charges the cost since the last charge, and checks the budget. */
  payUnseen(): void {
    if (this.inHostLoop) this.payInCell(this.unseen);
    else {
      this.deferred += this.unseen;
      this.payAndCheck();
    }
    this.unseen = 0;
    this.checked = true;
  }

  /** Brings the counter into the state that `label` expects, on the branch to it and on the fall-through path. */
  edge(label: Label): void {
    this.arrive(label);
    if (label.viaCell) {
      this.payAndStore();
      label.base = 0;
    } else if (label.base === UNSET) label.base = this.deferred;
    else this.pay(this.deferred, label.base);
  }

  /** The function's results are on the stack. Pays, and returns the counter by the function's convention. */
  leave(): void {
    if (!this.counts) return;
    if (this.plan.convention === 'cell') this.payAndStore();
    else this.getPaid();
  }

  /** Reads the counter that a thrower stored, and checks the budget again. */
  reload(): void {
    this.load();
    this.check();
    this.deferred = 0;
    this.noteCheck();
  }

  /** Charges the memory of an exception that a host may have made. */
  chargeHostException(): void {
    this.constant64(HOST_EXCEPTION_BYTES);
    this.call(this.assembly.allocateHelper());
  }

  /** Saves the index or length on top of the stack in a local, and returns that local. */
  putAside(is64: boolean): number {
    if (is64) this.usesScratch64 = true;
    else this.usesScratch32 = true;
    const local = this.scratch + (is64 ? 1 : 0);
    this.indexed(Op.localSet, local);
    return local;
  }

  /** Declares a group of one local. */
  declare(type: number): void {
    this.op(1);
    this.op(type);
  }

  local(index: number): void {
    this.indexed(Op.localGet, index);
  }

  constant64(value: number): void {
    this.op(Op.i64Const);
    this.signed(value);
  }

  call(index: number): void {
    this.indexed(Op.call, index);
  }

  /** Copies the bytes that were read since `from`. */
  copy(from: number): void {
    this.raw(this.bytes, from, this.reader.position);
  }

  append(bytes: Uint8Array): void {
    this.raw(bytes, 0, bytes.length);
  }

  /** Keeps the guest's own hint for the branch at `at`, which is written next. */
  moveHint(at: number): void {
    const { guestHints } = this;
    if (guestHints.length === 0) return;
    const offset = at - this.start;
    while (this.nextGuestHint < guestHints.length && (guestHints[this.nextGuestHint] as number) >> 1 < offset) {
      this.nextGuestHint++;
    }
    const hint = guestHints[this.nextGuestHint];
    if (hint !== undefined && hint >> 1 === offset) this.hints.push((this.length - this.codeStart) * 2 + (hint & 1));
  }

  /** Writes a block type without parameters and with these results. */
  blockType(results: readonly coreModule.ValueType[]): void {
    const only = results[0];
    if (only === undefined) this.op(EMPTY);
    else if (results.length === 1) this.append(only.bytes);
    else {
      this.signed(
        this.assembly.types.index(
          [],
          results.map(({ bytes }) => bytes),
        ),
      );
    }
  }
}

export const NO_HINTS: Int32Array = new Int32Array();
