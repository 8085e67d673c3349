import { BodyReader } from '#metering/operators';
import type { coreModule } from '#wasm';
import { FunctionFlag, LoopFlag, ModuleFacts, NO_LOOP } from './module-facts.ts';
import { OpenLabels, UNREACHED } from './open-labels.ts';

/** Surveys one body after another: the costs of its paths, and the labels and loops that are open. */
export class SurveyedBody {
  readonly facts: ModuleFacts;
  readonly reader: BodyReader;
  readonly imported: number;
  readonly labels: OpenLabels = new OpenLabels();
  /**
   * The cost of this path since the body's beginning, the cost in all, and the cost that is already counted to a loop
   * or to none.
   */
  cost = 0;
  total = 0;
  marked = 0;
  outside = 0;
  /**
   * The number of operators that do more than compute and of paths to labels: at least the number of places where
   * control splits or joins.
   */
  joints = 0;
  /** Whether all paths cost the same. */
  even = true;
  flags = 0;
  /** The innermost loop. */
  loop: number = NO_LOOP;

  constructor(module: coreModule.CoreModule) {
    this.facts = new ModuleFacts(module.functions.length - module.imported.function);
    this.reader = new BodyReader(module.bytes);
    this.imported = module.imported.function;
  }

  /** Begins the survey of the defined function `n`. The reader stands after its local declarations. */
  begin(n: number): void {
    const { facts, labels } = this;
    facts.firstCall[n] = facts.callees.length;
    facts.firstLoop[n] = facts.loopParents.length;
    this.cost = 0;
    this.total = 0;
    this.marked = 0;
    this.outside = 0;
    this.joints = 0;
    this.even = true;
    this.flags = 0;
    this.loop = NO_LOOP;
    labels.depth = 0;
    labels.push(UNREACHED, 0, NO_LOOP, false);
  }

  /** Stores the facts about the function. */
  end(n: number): void {
    const { facts } = this;
    this.mark();
    facts.operators[n] = this.total;
    facts.operatorsOutside[n] = this.outside;
    facts.flags[n] = this.flags;
    facts.evenCost[n] = this.even && (this.flags & FunctionFlag.charges) === 0 ? this.cost : -1;
  }

  pay(): void {
    this.cost++;
    this.total++;
  }

  charge(): void {
    this.flags |= FunctionFlag.charges;
    this.complicate(LoopFlag.complicated | LoopFlag.usesCounter);
  }

  callUnknown(): void {
    this.flags |= FunctionFlag.callsUnknown;
    this.complicate(LoopFlag.complicated | LoopFlag.usesCounter);
  }

  complicate(flags: number): void {
    this.even = false;
    if (this.loop !== NO_LOOP) this.flagLoop(flags);
  }

  flagLoop(flag: number): void {
    const { items } = this.facts.loopFlags;
    items[this.loop] = (items[this.loop] as number) | flag;
  }

  call(callee: number): void {
    this.facts.callees.push(callee);
    this.facts.callLoops.push(this.loop);
    this.complicate(LoopFlag.complicated);
    if (callee < this.imported && this.loop !== NO_LOOP) this.flagLoop(LoopFlag.callsImport);
  }

  edge(label: number): void {
    this.joints++;
    const base = this.labels.bases.items[label] as number;
    if (base === UNREACHED) this.labels.bases.items[label] = this.cost;
    else if (base !== this.cost) this.even = false;
  }

  /** Records a branch to the label that `depth` names. */
  branch(depth: number): void {
    const target = this.labels.depth - 1 - depth;
    if (target < 0) throw this.reader.malformed(`no label ${depth}`);
    this.edge(target);
    if (target === 0) this.flags |= FunctionFlag.branchesOut;
    const loop = this.labels.loops.items[target] as number;
    if (loop !== NO_LOOP) {
      const { items } = this.facts.loopBranches;
      items[loop] = (items[loop] as number) + 1;
    }
  }

  openLoop(): void {
    this.mark();
    this.even = false;
    if (this.loop !== NO_LOOP) this.flagLoop(LoopFlag.hasLoop);
    this.flags |= FunctionFlag.hasLoop;
    this.loop = this.facts.addLoop(this.loop);
    this.facts.loopBytes.items[this.loop] = -this.reader.position;
    this.labels.push(this.cost, this.cost, this.loop, false);
  }

  closeLoop(): void {
    const facts = this.facts;
    this.mark();
    const bytes = facts.loopBytes.items;
    bytes[this.loop] = this.reader.position + (bytes[this.loop] as number);
    const flags = facts.loopFlags.at(this.loop);
    this.loop = facts.loopParents.at(this.loop);
    if (this.loop === NO_LOOP) return;
    this.flagLoop(flags & (LoopFlag.callsImport | LoopFlag.complicated));
    if ((flags & LoopFlag.hasLoop) !== 0) this.flagLoop(LoopFlag.hasNest);
  }

  /** Counts the operators since the last mark to the loop that contains them. */
  mark(): void {
    const since = this.total - this.marked;
    this.marked = this.total;
    if (this.loop === NO_LOOP) this.outside += since;
    else {
      const { items } = this.facts.loopOperators;
      items[this.loop] = (items[this.loop] as number) + since;
    }
  }

  otherwise(): void {
    const top = this.labels.depth - 1;
    this.labels.bare.items[top] = 0;
    this.cost = this.labels.entries.items[top] as number;
  }

  /**
   * Closes the innermost label. `falls` says that control falls through to it. Returns whether the code goes on after
   * it.
   */
  close(falls: boolean): boolean {
    const labels = this.labels;
    const top = --labels.depth;
    if (labels.loops.items[top] !== NO_LOOP) {
      this.closeLoop();
      return falls;
    }
    if (falls) this.edge(top);
    if (labels.bare.items[top] === 1) {
      this.cost = labels.entries.items[top] as number;
      this.edge(top);
    }
    const base = labels.bases.items[top] as number;
    if (base === UNREACHED) return false;
    this.cost = base;
    return true;
  }
}
