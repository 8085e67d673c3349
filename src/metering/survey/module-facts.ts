import { IntList } from '../int-list.ts';

export const FunctionFlag = {
  /** Tail-calls an import or a reference. */
  tailCallsUnknown: 1,
  callsUnknown: 2,
  /** Needs the counter for more than its operators: operations by length, growth, allocation, exceptions. */
  charges: 4,
  hasLoop: 8,
  /** Branches to the label of the whole body, which is not a return. */
  branchesOut: 16,
} as const;

export const LoopFlag = {
  /** With calls, exceptions or anything that metering turns into a call. */
  complicated: 1,
  /** Calls an import, or a loop inside it does. */
  callsImport: 2,
  /** With a loop inside it. */
  hasLoop: 4,
  /** With a loop in a loop inside it. */
  hasNest: 8,
  /** With what needs the counter beside direct calls: operations by length, exceptions, calls through references. */
  usesCounter: 16,
} as const;

/** The loop of what stands in none. */
export const NO_LOOP = -1;

/** What the bodies of a module are like, as far as reachable. Lists are by defined function, or by loop in their order. */
export class ModuleFacts {
  /** Reachable operators that cost fuel; those of them outside of all loops. */
  readonly operators: Int32Array;
  readonly operatorsOutside: Int32Array;
  /** What every way through costs, its entry not counted; -1 when ways differ or it does more than compute. */
  readonly evenCost: Int32Array;
  readonly flags: Uint8Array;
  /** The first of a function's loops, and of its direct calls; the next function's first is behind its last. */
  readonly firstLoop: Int32Array;
  readonly firstCall: Int32Array;

  readonly callees: IntList = new IntList(1024);
  /** The innermost loop that a call stands in. */
  readonly callLoops: IntList = new IntList(1024);
  /** Pairs of a function and what it tail-calls, and of a function and a table through which it does. */
  readonly tailCalls: IntList = new IntList();
  readonly tailTables: IntList = new IntList();

  /** Operators in a loop, but for those of loops inside it. */
  readonly loopOperators: IntList = new IntList();
  /** Branches back to its head. */
  readonly loopTurns: IntList = new IntList();
  /** Bytes from behind its block type to behind its `end`. */
  readonly loopBytes: IntList = new IntList();
  readonly loopFlags: IntList = new IntList();
  /** The loop around it. */
  readonly loopParents: IntList = new IntList();

  /** Tables that bodies use otherwise than to call through them or to ask for their size. */
  readonly handledTables: Set<number> = new Set();
  /** Type indices that are called through each table. */
  readonly calledTypes: Map<number, Set<number>> = new Map();

  constructor(functions: number) {
    this.operators = new Int32Array(functions);
    this.operatorsOutside = new Int32Array(functions);
    this.evenCost = new Int32Array(functions);
    this.flags = new Uint8Array(functions);
    this.firstLoop = new Int32Array(functions + 1);
    this.firstCall = new Int32Array(functions + 1);
  }

  get functions(): number {
    return this.operators.length;
  }

  has(flag: number, n: number): boolean {
    return ((this.flags[n] as number) & flag) !== 0;
  }

  addLoop(parent: number): number {
    this.loopOperators.push(0);
    this.loopTurns.push(0);
    this.loopBytes.push(0);
    this.loopFlags.push(0);
    this.loopParents.push(parent);
    return this.loopParents.length - 1;
  }
}
