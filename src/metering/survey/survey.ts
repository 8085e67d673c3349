import { Effect as Effects, EFFECTS as EffectTable, effectBehind } from '#metering/operators';
import { coreModule } from '#wasm';
import type { ContextCall } from '../context-calls.ts';
import { MeteringError } from '../errors.ts';
import { Misc, Op as Opcodes } from '../opcode.ts';
import { CompileWork, LARGEST_WORK } from './compile-work.ts';
import { FunctionFlag, LoopFlag, type ModuleFacts, NO_LOOP } from './module-facts.ts';
import { UNREACHED } from './open-labels.ts';
import { SurveyedBody } from './surveyed-body.ts';

const Op = Opcodes;
const Effect = Effects;
const EFFECTS = EffectTable;

/** The most parameters that engines accept. */
const MOST_PARAMETERS = 1000;

/** Reads every body once before any is rewritten, because conventions and checks depend on the whole module. */
export function surveyModule(
  module: coreModule.CoreModule,
  contexts: ReadonlyMap<number, ContextCall> = new Map(),
): ModuleFacts {
  return new Survey(module, contexts).read();
}

class Survey extends SurveyedBody {
  readonly #module: coreModule.CoreModule;
  readonly #code: coreModule.ModuleSection | undefined;
  /** The most operands that one operator may push: calls and blocks push the results of a type. */
  readonly #mostResults: number;
  /** Imports whose calls only compute, because they become reads and writes of globals. */
  readonly #contexts: ReadonlyMap<number, ContextCall>;
  #function = 0;

  constructor(module: coreModule.CoreModule, contexts: ReadonlyMap<number, ContextCall>) {
    super(module);
    this.#module = module;
    this.#contexts = contexts;
    this.#mostResults = module.types.reduce(
      (most, type) => (type.kind === 'function' ? Math.max(most, type.results.length) : most),
      1,
    );
    this.#code = module.sections.find(({ id }) => id === coreModule.SectionId.code);
  }

  read(): ModuleFacts {
    const reader = this.reader;
    const facts = this.facts;
    if (this.#code === undefined) return facts;
    reader.position = this.#code.start;
    const functions = reader.leb();
    for (let n = 0; n < functions; n++) {
      const size = reader.leb();
      const next = reader.position + size;
      reader.end = next;
      this.#function = n;
      const start = reader.position;
      const declared = reader.skipLocals();
      this.begin(n);
      while (this.labels.depth > 0) this.#step();
      this.end(n);
      // Operators that push results of a type take at least two bytes, so this bound makes few functions need a second
      // pass.
      const alive = MOST_PARAMETERS + declared + (size / 2) * this.#mostResults + this.joints / 4;
      if (alive * this.joints > LARGEST_WORK) this.#limitWork(n, start);
      reader.position = next;
    }
    // Node 24 accepts both encodings in one module. Node 26 rejects them, but not always, because it compares only
    // functions that it validates together.
    if (reader.encodings === 3) {
      throw new MeteringError(
        'METERING_UNSUPPORTED',
        'the module mixes try with try_table or throw_ref; build all of it for one encoding of exceptions: clang takes -mllvm -wasm-use-legacy-eh=false',
      );
    }
    facts.firstCall[functions] = facts.callees.length;
    facts.firstLoop[functions] = facts.loopParents.length;
    return facts;
  }

  /** Limits the work of an engine's compiler. @throws {MeteringError} `METERING_TOO_LARGE` */
  #limitWork(n: number, start: number): void {
    const { functions, types } = this.#module;
    const index = this.imported + n;
    const type = types[functions[index] as number];
    const [parameters, results] = type?.kind === 'function' ? [type.parameters.length, type.results.length] : [0, 0];
    this.reader.position = start;
    const locals = parameters + this.reader.skipLocals();
    const work = new CompileWork(this.#module, this.reader).measure(locals, results, LARGEST_WORK);
    if (work <= LARGEST_WORK) return;
    throw new MeteringError(
      'METERING_TOO_LARGE',
      `function ${index} at offset ${start} would hold up the compiler: its locals (${locals}) and operands, added up over its branches, are more than ${LARGEST_WORK}; split the function`,
      { details: { function: index, offset: start, locals, limit: LARGEST_WORK } },
    );
  }

  /** Reads operators up to and including one that does more than compute. */
  #step(): void {
    const reader = this.reader;
    const plain = reader.passPlain();
    this.cost += plain;
    this.total += plain;
    this.joints++;
    const at = reader.position;
    if (at >= reader.end) throw reader.malformed('a body ends too early');
    const opcode = reader.bytes[at] as number;
    reader.position = at + 1;
    switch (EFFECTS[opcode] as number) {
      case 8 satisfies typeof Effect.close:
        this.#close(opcode, at);
        return;
      case 10 satisfies typeof Effect.call:
        this.#call(opcode, at);
        return;
      case 7 satisfies typeof Effect.open:
        this.#open(opcode, at);
        return;
      case 9 satisfies typeof Effect.branch:
        this.#branch(opcode, at);
        return;
      case 14 satisfies typeof Effect.throw:
        this.#throw(opcode, at);
        return;
      case 15 satisfies typeof Effect.prefix:
        this.pay();
        this.#prefixed(opcode, at);
        return;
      case 1 satisfies typeof Effect.plain:
      case 3 satisfies typeof Effect.local:
      case 4 satisfies typeof Effect.global:
      case 6 satisfies typeof Effect.reference:
        this.pay();
        reader.skipImmediates(opcode);
        return;
      case 2 satisfies typeof Effect.free:
        reader.skipImmediates(opcode);
        return;
      case 11 satisfies typeof Effect.charge:
        reader.skipImmediates(opcode);
        this.pay();
        this.charge();
        return;
      case 5 satisfies typeof Effect.table:
        this.facts.handledTables.add(reader.leb());
        this.pay();
        return;
      default:
        throw reader.unknown(at, opcode);
    }
  }

  #open(opcode: number, at: number): void {
    const { reader, labels } = this;
    switch (opcode) {
      case Op.block:
        reader.skipBlockType();
        labels.push(UNREACHED, this.cost, NO_LOOP, false);
        return;
      case Op.if:
        this.pay();
        reader.skipBlockType();
        labels.push(UNREACHED, this.cost, NO_LOOP, true);
        return;
      case Op.loop:
        reader.skipBlockType();
        this.openLoop();
        return;
      case Op.try:
      case Op.tryTable:
        reader.noteEncoding(opcode);
        this.pay();
        this.charge();
        reader.skipBlockType();
        if (opcode === Op.tryTable) this.#catches();
        labels.push(UNREACHED, this.cost, NO_LOOP, false);
        return;
      default:
        throw reader.unknown(at, opcode);
    }
  }

  #close(opcode: number, at: number): void {
    const reader = this.reader;
    switch (opcode) {
      case Op.delegate:
        reader.skipLeb();
        if (!this.close(true)) this.#dead();
        return;
      case Op.end:
        if (!this.close(true)) this.#dead();
        return;
      case Op.else:
        this.edge(this.labels.depth - 1);
        this.otherwise();
        return;
      case Op.catch:
      case Op.catchAll:
        if (opcode === Op.catch) reader.skipLeb();
        this.edge(this.labels.depth - 1);
        return;
      default:
        throw reader.unknown(at, opcode);
    }
  }

  #branch(opcode: number, at: number): void {
    const reader = this.reader;
    switch (opcode) {
      case Op.brIf:
      case Op.brOnNull:
      case Op.brOnNonNull:
        this.pay();
        this.branch(reader.leb());
        return;
      case Op.br:
        this.pay();
        this.branch(reader.leb());
        this.#dead();
        return;
      case Op.brTable:
        this.pay();
        for (let left = reader.leb(); left >= 0; left--) this.branch(reader.leb());
        this.#dead();
        return;
      case Op.return:
        this.edge(0);
        this.#dead();
        return;
      default:
        throw reader.unknown(at, opcode);
    }
  }

  #throw(opcode: number, at: number): void {
    const reader = this.reader;
    reader.noteEncoding(opcode);
    switch (opcode) {
      case Op.unreachable:
        this.even = false;
        this.#dead();
        return;
      case Op.throw:
      case Op.rethrow:
      case Op.throwRef:
        if (opcode !== Op.throwRef) reader.skipLeb();
        this.total++;
        this.charge();
        this.#dead();
        return;
      default:
        throw reader.unknown(at, opcode);
    }
  }

  #call(opcode: number, at: number): void {
    const { reader, facts } = this;
    switch (opcode) {
      case Op.call: {
        this.pay();
        const callee = reader.leb();
        // Loops are unrolled only where all their operators are copied as they are.
        if (this.#contexts.has(callee)) {
          if (this.loop !== NO_LOOP) this.flagLoop(LoopFlag.complicated);
        } else this.call(callee);
        return;
      }
      case Op.returnCall: {
        const callee = reader.leb();
        this.total++;
        if (callee < this.imported) this.flags |= FunctionFlag.tailCallsUnknown;
        else {
          facts.tailCalls.push(this.#function);
          facts.tailCalls.push(callee - this.imported);
        }
        this.callUnknown();
        this.#dead();
        return;
      }
      case Op.callIndirect:
      case Op.returnCallIndirect: {
        const type = reader.leb();
        const table = reader.leb();
        this.pay();
        this.callUnknown();
        const types = facts.calledTypes.get(table);
        if (types === undefined) facts.calledTypes.set(table, new Set([type]));
        else types.add(type);
        if (opcode === Op.callIndirect) return;
        facts.tailTables.push(this.#function);
        facts.tailTables.push(table);
        this.#dead();
        return;
      }
      case Op.callRef:
      case Op.returnCallRef:
        reader.skipLeb();
        this.pay();
        this.callUnknown();
        if (opcode === Op.callRef) return;
        this.flags |= FunctionFlag.tailCallsUnknown;
        this.#dead();
        return;
      default:
        throw reader.unknown(at, opcode);
    }
  }

  /** Skips code up to where control can arrive again. */
  #dead(): void {
    const reader = this.reader;
    while (this.labels.depth > 0) {
      this.joints++;
      reader.skipDead();
      const opcode = reader.bytes[reader.position++] as number;
      if (opcode === Op.else) {
        this.otherwise();
        return;
      }
      if (opcode === Op.catch || opcode === Op.delegate) reader.skipLeb();
      if (opcode === Op.catch || opcode === Op.catchAll || this.close(false)) return;
    }
  }

  #catches(): void {
    const reader = this.reader;
    for (let left = reader.leb(); left > 0; left--) {
      this.joints++;
      if ((reader.bytes[reader.position++] as number) < 2) reader.skipLeb();
      const label = this.labels.depth - 1 - reader.leb();
      if (label === 0) this.flags |= FunctionFlag.branchesOut;
      if (this.labels.bases.items[label] === UNREACHED) this.labels.bases.items[label] = 0;
    }
  }

  #prefixed(opcode: number, at: number): void {
    const reader = this.reader;
    const sub = reader.leb();
    if (opcode === Op.misc && (sub === Misc.dataDrop || sub === Misc.elemDrop)) this.facts.dropsSegments = true;
    switch (effectBehind(opcode, sub)) {
      case Effect.plain:
        break;
      case Effect.charge:
      case Effect.allocate:
        this.charge();
        break;
      case Effect.chargeTable:
        this.charge();
        this.#handleTables(sub, at);
        break;
      case Effect.branch:
        // The flags of these operators take one byte.
        reader.position++;
        this.branch(reader.leb());
        break;
      default:
        throw reader.unknown(at, opcode, sub);
    }
    reader.position = at + 1;
    reader.skipImmediates(opcode);
  }

  #handleTables(sub: number, at: number): void {
    const reader = this.reader;
    const { handledTables } = this.facts;
    switch (sub) {
      case Misc.tableInit:
        reader.skipLeb();
        handledTables.add(reader.leb());
        return;
      case Misc.tableCopy:
        handledTables.add(reader.leb());
        handledTables.add(reader.leb());
        return;
      case Misc.tableGrow:
      case Misc.tableFill:
        handledTables.add(reader.leb());
        return;
      default:
        throw reader.unknown(at, Op.misc, sub);
    }
  }
}
