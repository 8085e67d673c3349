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

/** Thrown when a body needs foresight; rewriting begins again with it. */
export const AGAIN: unique symbol = Symbol('again');

const UNPLANNED: FunctionPlan = { convention: 'untouched', checked: false, entry: 0, weight: 0, operators: 0 };

/** One body between its reading and its writing: where both stand, and the labels that are open. */
export class MeteredBody extends CountingCode {
  readonly assembly: Assembly;
  readonly reader: BodyReader;
  readonly bytes: Uint8Array;
  /** Fuel of every operator that is not free; in mode `deadline` functions and loops are charged as a whole. */
  readonly cost: number;
  readonly labels: LabelStack = new LabelStack();
  readonly importedGlobals: number;
  readonly sharedTags: ReadonlySet<number>;

  plan: FunctionPlan = UNPLANNED;
  foresight: Foresight = NO_FORESIGHT;
  /** A block of its own stands around the code, for branches to the label of the whole body. */
  isWrapped = false;
  /** Blocks that are open in the output. */
  level = 0;
  /** The most that callees have run since the last look at the budget; in mode `deadline` all that was not charged since. */
  unseen = 0;
  mostUnseen = 0;
  /** The budget was looked at since the head of the innermost loop. */
  looked = false;
  parameters = 0;
  /** How far declared locals move up. */
  shift = 0;
  /** The local that an i32 length or index is put aside in; the next one is for an i64. */
  scratch = 0;
  usesScratch32 = false;
  usesScratch64 = false;
  /** Loops around this point before which room was made for the host. */
  roomyLoops = 0;
  /** This is in a loop in which the cell holds the counter. */
  inHostLoop = false;
  /** The number of the next loop. */
  nextLoop = 0;
  /** Offset of the body in the module. */
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

  /** Opens a label. */
  openLabel(opcode: number, base: number, viaCell: boolean): Label {
    return this.initialise(this.labels.push(), opcode, base, viaCell);
  }

  initialise(label: Label, opcode: number, base: number, viaCell: boolean): Label {
    label.opcode = opcode;
    label.base = base;
    label.reached = false;
    label.entry = this.pending;
    label.viaCell = viaCell;
    label.keepsHosts = false;
    label.hasElse = false;
    label.level = this.level;
    label.unseenAtEntry = this.unseen;
    label.unseen = 0;
    label.lookedAtEntry = this.looked;
    label.looked = true;
    label.turn = undefined;
    label.isRoomy = false;
    label.carries = false;
    return label;
  }

  /** The label that a branch names. */
  label(depth: number): Label {
    const label = this.labels.out(depth);
    if (label === undefined) throw this.reader.malformed(`no label ${depth}`);
    return label;
  }

  /** How a branch names the label in the output. */
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

  /** Notes that a way leads to `label`, and what was run and looked at on it. */
  arrive(label: Label): void {
    if (this.unseen > label.unseen) label.unseen = this.unseen;
    if (!this.looked) label.looked = false;
    label.reached = true;
  }

  /** The budget was looked at here, by this body or by what it called. */
  look(): void {
    if (this.cost > 0) this.unseen = 0;
    this.looked = true;
  }

  /** Mode `deadline`: charges what has run since that was last done, and looks. */
  payUnseen(): void {
    if (this.inHostLoop) this.payInCell(this.unseen);
    else {
      this.pending += this.unseen;
      this.payAndCheck();
    }
    this.unseen = 0;
    this.looked = true;
  }

  /** Brings the counter into the state that `label` expects, on this way to it and on the one that goes on. */
  edge(label: Label): void {
    this.arrive(label);
    if (label.viaCell) {
      this.payAndStore();
      label.base = 0;
    } else if (label.base === UNSET) label.base = this.pending;
    else this.pay(this.pending, label.base);
  }

  /** The function's results are on the stack: pays, and gives the counter back by the function's convention. */
  leave(): void {
    if (!this.counts) return;
    if (this.plan.convention === 'cell') this.payAndStore();
    else this.getPaid();
  }

  /** After an exception: the counter is what the thrower stored, and the budget is looked at again. */
  reload(): void {
    this.load();
    this.check();
    this.pending = 0;
    this.look();
  }

  /** What has arrived may be a host's. */
  chargeHostException(): void {
    this.constant64(HOST_EXCEPTION_BYTES);
    this.call(this.assembly.allocateHelper());
  }

  /** Puts the index or length on top of the stack aside; answers the local that it is in. */
  putAside(is64: boolean): number {
    if (is64) this.usesScratch64 = true;
    else this.usesScratch32 = true;
    const local = this.scratch + (is64 ? 1 : 0);
    this.indexed(Op.localSet, local);
    return local;
  }

  /** A group of one local. */
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

  /** Copies what was read since `from`. */
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

  /** A block without parameters and of these results. */
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
