import { coreModule } from '#wasm';
import { CompileWork, LARGEST_WORK } from './compile-work.ts';
import { MeteringError } from './errors.ts';
import { FunctionFlag, type ModuleFacts, NO_LOOP } from './module-facts.ts';
import { Gc, Misc, Op as Opcodes } from './opcode.ts';
import { UNREACHED } from './open-labels.ts';
import { SurveyedBody } from './surveyed-body.ts';

const Op = Opcodes;

/** Parameters that an engine takes. */
const MOST_PARAMETERS = 1000;

/** Reads every body once, before any is rewritten: conventions and checks depend on the whole module. */
export function surveyModule(module: coreModule.CoreModule): ModuleFacts {
  return new Survey(module).read();
}

class Survey extends SurveyedBody {
  readonly #module: coreModule.CoreModule;
  readonly #code: coreModule.ModuleSection | undefined;
  /** The most operands that one operator may leave: calls and blocks leave the results of a type. */
  readonly #mostResults: number;
  #function = 0;

  constructor(module: coreModule.CoreModule) {
    super(module);
    this.#module = module;
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
      // What leaves operands takes two bytes and more, so that few functions are read once more.
      const alive = MOST_PARAMETERS + declared + (size / 2) * this.#mostResults + this.joints / 4;
      if (alive * this.joints > LARGEST_WORK) this.#limitWork(n, start);
      reader.position = next;
    }
    // Node 24 takes both in one module, Node 26 does not, nor always: it compares functions that it validates at once.
    if (reader.encodings === 3) {
      throw new MeteringError(
        'METERING_UNSUPPORTED',
        'the module mixes try with try_table or throw_ref; build all of it for one encoding of exceptions',
      );
    }
    facts.firstCall[functions] = facts.callees.length;
    facts.firstLoop[functions] = facts.loopParents.length;
    return facts;
  }

  /** @throws {MeteringError} `METERING_TOO_LARGE` for what would hold an engine's compiler up */
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

  /** Passes operators up to and with one that does more than compute. */
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
    switch (opcode) {
      case 0x0b satisfies typeof Op.end:
        if (!this.close(true)) this.#dead();
        return;
      case 0x10 satisfies typeof Op.call:
        this.pay();
        this.call(reader.leb());
        return;
      case 0x02 satisfies typeof Op.block:
        reader.skipBlockType();
        this.labels.push(UNREACHED, this.cost, NO_LOOP, false);
        return;
      case 0x04 satisfies typeof Op.if:
        this.pay();
        reader.skipBlockType();
        this.labels.push(UNREACHED, this.cost, NO_LOOP, true);
        return;
      case 0x0d satisfies typeof Op.brIf:
        this.pay();
        this.branch(reader.leb());
        return;
      case 0x0c satisfies typeof Op.br:
        this.pay();
        this.branch(reader.leb());
        this.#dead();
        return;
      case 0x03 satisfies typeof Op.loop:
        reader.skipBlockType();
        this.openLoop();
        return;
      case 0x05 satisfies typeof Op.else:
        this.edge(this.labels.depth - 1);
        this.otherwise();
        return;
      case 0x0f satisfies typeof Op.return:
        this.edge(0);
        this.#dead();
        return;
      case 0x0e satisfies typeof Op.brTable:
        this.pay();
        for (let left = reader.leb(); left >= 0; left--) this.branch(reader.leb());
        this.#dead();
        return;
      case 0x00 satisfies typeof Op.unreachable:
        this.even = false;
        this.#dead();
        return;
      default:
        this.#seldom(opcode, at);
    }
  }

  #seldom(opcode: number, at: number): void {
    const reader = this.reader;
    const facts = this.facts;
    reader.noteEncoding(opcode);
    switch (opcode) {
      case Op.try:
      case Op.tryTable:
        this.pay();
        this.charge();
        reader.skipBlockType();
        if (opcode === Op.tryTable) this.#catches();
        this.labels.push(UNREACHED, this.cost, NO_LOOP, false);
        return;
      case Op.brOnNull:
      case Op.brOnNonNull:
        this.pay();
        this.branch(reader.leb());
        return;
      case Op.catch:
      case Op.catchAll:
        if (opcode === Op.catch) reader.skipLeb();
        this.edge(this.labels.depth - 1);
        return;
      case Op.delegate:
        reader.skipLeb();
        if (!this.close(true)) this.#dead();
        return;
      case Op.throw:
      case Op.rethrow:
      case Op.throwRef:
        if (opcode !== Op.throwRef) reader.skipLeb();
        this.total++;
        this.charge();
        this.#dead();
        return;
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
      case Op.memoryGrow:
        reader.skipLeb();
        this.pay();
        this.charge();
        return;
      case Op.tableGet:
      case Op.tableSet:
        facts.handledTables.add(reader.leb());
        this.pay();
        return;
      case Op.misc:
        this.pay();
        this.#misc(at);
        return;
      case Op.gc:
        this.pay();
        this.#gc(at);
        return;
      default:
        this.pay();
        reader.skipImmediates(opcode);
    }
  }

  /** Control does not go on: passes everything up to where it can arrive again. */
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

  #misc(at: number): void {
    const reader = this.reader;
    const { handledTables } = this.facts;
    const sub = reader.leb();
    const charges = sub >= Misc.memoryInit && sub !== Misc.dataDrop && sub !== Misc.elemDrop && sub !== Misc.tableSize;
    if (charges) this.charge();
    if (sub === Misc.tableInit) reader.skipLeb();
    if (sub === Misc.tableInit || sub >= Misc.tableCopy) {
      if (sub !== Misc.tableSize) handledTables.add(reader.leb());
      if (sub === Misc.tableCopy) handledTables.add(reader.leb());
    }
    reader.position = at + 1;
    reader.skipImmediates(Op.misc);
  }

  #gc(at: number): void {
    const reader = this.reader;
    const sub = reader.leb();
    if (sub === Gc.brOnCast || sub === Gc.brOnCastFail) {
      reader.position++;
      this.branch(reader.leb());
    } else if (
      sub <= Gc.structNewDefault ||
      (sub >= Gc.arrayNew && sub <= Gc.arrayNewElem) ||
      (sub >= Gc.arrayFill && sub <= Gc.arrayInitElem)
    ) {
      this.charge();
    }
    reader.position = at + 1;
    reader.skipImmediates(Op.gc);
  }
}
