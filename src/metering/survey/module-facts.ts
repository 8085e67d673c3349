import { IntList } from '../int-list.ts';

export const FunctionFlag = {
  /** The function tail-calls an import or a reference. */
  tailCallsUnknown: 1,
  callsUnknown: 2,
  /**
   * The function needs the counter for more than its operators: operations by length, growth, allocation, exceptions.
   */
  charges: 4,
  hasLoop: 8,
  /** The function branches to the label of the whole body other than by a return. */
  branchesOut: 16,
} as const;

export const LoopFlag = {
  /** The loop contains calls, exceptions or something that metering turns into a call. */
  complicated: 1,
  /** The loop calls an import, or a loop inside it does. */
  callsImport: 2,
  /** The loop contains a loop. */
  hasLoop: 4,
  /** The loop contains a loop that contains a loop. */
  hasNest: 8,
  /**
   * The loop needs the counter for more than direct calls: operations by length, exceptions, calls through references.
   */
  usesCounter: 16,
} as const;

/** Stands for the loop of code that is in no loop. */
export const NO_LOOP = -1;

/** Facts about the reachable code of all bodies of a module. Lists are by defined function, or by loop in order. */
export class ModuleFacts {
  /** The number of reachable operators that cost fuel, and the number of those outside all loops. */
  readonly operators: Int32Array;
  readonly operatorsOutside: Int32Array;
  /**
   * The cost of every path through the function without its entry; -1 when paths differ or the function does more than
   * compute.
   */
  readonly evenCost: Int32Array;
  readonly flags: Uint8Array;
  /**
   * The index of a function's first loop, and of its first direct call. The lists of one function end where those of
   * the next begin.
   */
  readonly firstLoop: Int32Array;
  readonly firstCall: Int32Array;

  readonly callees: IntList = new IntList(1024);
  /** The innermost loop that contains a call. */
  readonly callLoops: IntList = new IntList(1024);
  /** Pairs of a function and its tail-callee, and of a function and a table through which it tail-calls. */
  readonly tailCalls: IntList = new IntList();
  readonly tailTables: IntList = new IntList();

  /** The number of operators in a loop, without those of inner loops. */
  readonly loopOperators: IntList = new IntList();
  /** The number of branches back to the loop's head. */
  readonly loopBranches: IntList = new IntList();
  /** The number of bytes from after the loop's block type to after its `end`. */
  readonly loopBytes: IntList = new IntList();
  readonly loopFlags: IntList = new IntList();
  /** The loop that directly encloses it. */
  readonly loopParents: IntList = new IntList();

  /** Tables that bodies use in other ways than to call through them or to ask for their size. */
  readonly handledTables: Set<number> = new Set();
  /** Whether a body drops a data or element segment. */
  dropsSegments = false;
  /** The type indices that are called through each table. */
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
    this.loopBranches.push(0);
    this.loopBytes.push(0);
    this.loopFlags.push(0);
    this.loopParents.push(parent);
    return this.loopParents.length - 1;
  }
}
