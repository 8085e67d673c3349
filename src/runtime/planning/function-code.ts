import { tagsCarried } from '#runtime/exports';
import { isSpannedMethod } from '#runtime/host';
import type { FuncType, ValueType } from '#wasm';
import type { AdapterUse } from './adapter/adapters.ts';
import { Code, camelCase, type MemoryAccess } from './code.ts';
import { holds } from './holds.ts';
import {
  type Layout,
  layoutOf,
  layoutsOf,
  MAX_FLAT_RESULTS,
  offsetsOf,
  payloadOffset,
  payloadsOf,
  recordLayout,
  spill,
} from './layout.ts';
import { addressOf, liftFlatCode, loadCode } from './lift-code.ts';
import { lowerFlatCode, pointerOf, storeCode } from './lower-code.ts';
import { replacedCode } from './outward-code.ts';
import { claimCode, enterCode, leaveCode, resourcesIn } from './resource-code.ts';
import { isOurs } from './waiting-imports.ts';

/** The slots of the store's state in which a function finds what its canonical options name. */
export interface FunctionSlots extends MemoryAccess {
  readonly memory: number | undefined;
  readonly realloc: number | undefined;
  /** Whether code of the component instance uses the numbers of its threads, which its allocator has for itself. */
  readonly hasNumbers: boolean;
  readonly postReturn: number | undefined;
  /** The component instances that a call enters. The call traps when one of them is running. */
  readonly entering: readonly number[];
}

/** How generated code calls what meets an import: by its kind and, for a member of a resource, by the member's name. */
export type HostCall =
  /** An export of another component instance instead of a host function, by the number of its code. */
  | { readonly kind: 'lifted'; readonly index: number; readonly nests: boolean; readonly mayWait: boolean }
  | { readonly kind: 'function' }
  | { readonly kind: 'constructor' }
  | { readonly kind: 'method' | 'static'; readonly member: string };

/*
 * All stores of a component share each of these functions. A function that the host calls is given the store's state as
 * an argument; one that a guest calls takes the state from the turn that runs.
 */

/**
 * The text of a function `(s, ...arguments) => result` that calls a lifted export.
 * @param callee an expression for the core function
 * @param adapter how to use the function's adapter, which is called where the store has it and the arguments fit into the exchange
 */
export function exportCode(type: FuncType, slots: FunctionSlots, callee: string, adapter?: AdapterUse): string {
  return callCode(type, slots, adapter, false, (raw, flat) => `${raw}${callee}(${flat});`);
}

export interface SuspendableCall {
  /** The number of the function's code. */
  readonly index: number;
  /** An expression for the core function. */
  readonly callee: string;
  /** The name of the function whose text `restCode` writes. */
  readonly rest: string;
  readonly adapter?: AdapterUse | undefined;
}

/**
 * The text of a function that does the same as that of `exportCode`, but calls the export on a stack of its own, so that
 * imports can suspend the guest. The function answers a `Later` when the guest was suspended.
 */
export function suspendableCode(type: FuncType, slots: FunctionSlots, how: SuspendableCall): string {
  const { index, callee, rest, adapter } = how;
  const code = new Code();
  const params = type.params.map((_, at) => `a${at}`);
  code.line('const t = execution.running;');
  const given = claimCode(code, slots, type, params);
  prologue(code, slots);
  const scoped = isScoped(type, slots);
  if (scoped) code.line('const scope = { borrows: 0 };');
  code.line(enterCode(slots.entering));
  if (given) code.line('let answer;\ntry { answer = (() => {');
  if (adapter !== undefined) adaptedCall(code, slots, adapter, rest);
  const flat = lowered(code, slots, type, params);
  code.line(`const e = s.entries[${index}] ??= new abi.GuestEntry(${callee}, ${signature(type, slots).join(', ')});`);
  code.line(`e.begin(t);\nconst ended = e.enter(e, e.callee${flat === '' ? '' : `, ${flat}`});`);
  const lift = `${rest}(s, e.raw${scoped ? ', scope' : ''})`;
  code.line(`return e.isAnswered ? ${lift} : e.later(ended, () => ${lift});`);
  if (given) {
    code.line('})(); } catch (thrown) { s.given.endCall(); throw thrown; }');
    code.line('if (answer instanceof abi.Later) return answer.promise().finally(() => s.given.endCall());');
    code.line('s.given.endCall();\nreturn answer;');
  }
  return `function (${['s', ...params].join(', ')}) {\n${code}\n}`;
}

/** Writes the call of the adapter, for a store that has the adapter and arguments that fit into the exchange. */
function adaptedCall(code: Code, slots: FunctionSlots, { index, place, parameters }: AdapterUse, rest: string): void {
  code.line('let placed = false;');
  for (const name of parameters) code.line(`let ${name} = 0;`);
  code.line(`placing: if (s.adapter${index} !== undefined) {\n${place}\nplaced = true;\n}`);
  code.line('if (placed) {');
  const letters = `'${'i'.repeat(parameters.length)}', 'i'`;
  code.line(`const e = s.adapted[${index}] ??= new abi.GuestEntry(s.adapter${index}, ${letters});`);
  // The code reads the answer within the guest's last instructions, before any other call can use the exchange.
  const lift = `if (x.answer === 0) return ${rest}(s, e.raw); ${leaveCode(slots.entering)} return x.answered();`;
  code.line(`x.lock();\ne.begin(t);\nconst ended = e.enter(${['e', 'e.callee', ...parameters].join(', ')});`);
  code.line(`if (!e.isAnswered) return e.later(ended, () => { ${lift} }, () => x.unlock());`);
  code.line(`try { ${lift} } finally { x.unlock(); }\n}`);
}

/** The text of a function `(s, raw, scope)` that lifts the answer of an export and cleans up after the call. */
export function restCode(type: FuncType, slots: FunctionSlots): string {
  const code = new Code();
  prologue(code, { ...slots, realloc: undefined });
  code.line('let value, error, failed = false;');
  answered(code, slots, type, type.result === undefined ? undefined : 'raw', isScoped(type, slots));
  code.line('if (failed) { s.answeredError = true; throw error; }\nreturn value;');
  return `function (s, raw, scope) {\n${code}\n}`;
}

/**
 * The text of a generator that does the same as the function of `exportCode`, but leaves the core call to the code that runs
 * it: it yields the guest entry and the core arguments, and goes on with the answer of the call. Component instances call
 * each other by it, because each runs on a stack of its own.
 */
export function nestedCode(type: FuncType, slots: FunctionSlots, index: number, callee: string): string {
  const letters = signature(type, slots).join(', ');
  return callCode(type, slots, undefined, true, (raw, flat) => {
    const entry = `(s.entries[${index}] ??= new abi.GuestEntry(${callee}, ${letters}))`;
    return `${raw}yield [${entry}${flat === '' ? '' : `, ${flat}`}];`;
  });
}

/** The core types of a lifted function's parameters and results, as two string literals with one letter for each type. */
export function signature(type: FuncType, slots: FunctionSlots): readonly [parameters: string, results: string] {
  const letter: Readonly<Record<string, string>> = { i32: 'i', i64: 'I', f32: 'f', f64: 'F' };
  const pointer = slots.wide ? 'I' : 'i';
  const layouts = paramLayouts(type, slots);
  const taken = spill(layouts) ? pointer : layouts.flatMap(({ flat }) => flat.map((each) => letter[each])).join('');
  const flat = type.result === undefined ? [] : layoutOf(type.result, slots.wide).flat;
  const given = flat.length > MAX_FLAT_RESULTS ? pointer : flat.map((each) => letter[each]).join('');
  return [`'${taken}'`, `'${given}'`];
}

function callCode(
  type: FuncType,
  slots: FunctionSlots,
  adapter: AdapterUse | undefined,
  nested: boolean,
  call: (raw: string, flat: string) => string,
): string {
  const code = new Code();
  const params = type.params.map((_, index) => `a${index}`);
  const given = claimCode(code, slots, type, params);
  prologue(code, slots);
  const scoped = isScoped(type, slots);
  if (scoped) code.line('const scope = { borrows: 0 };');
  code.line(enterCode(slots.entering));
  code.line('let value, error, failed = false;');
  code.line('try {');
  const raw = type.result === undefined ? undefined : code.let('0');
  if (adapter !== undefined) {
    const { index, place, parameters } = adapter;
    code.line('let placed = false;');
    for (const name of parameters) code.line(`let ${name} = 0;`);
    code.line(`placing: if (s.adapter${index} !== undefined) {\n${place}\nplaced = true;\n}`);
    code.line('if (placed) {');
    code.line('x.lock();');
    code.line(`${raw} = s.adapter${index}(${parameters.join(', ')});`);
    code.line(`if (x.answer !== 0) { ${leaveCode(slots.entering)} return x.answered(); }`);
    code.line('} else {');
  }
  const flat = lowered(code, slots, type, params);
  code.line(call(raw === undefined ? '' : `${raw} = `, flat));
  if (adapter !== undefined) code.line('}');
  answered(code, slots, type, raw, scoped);
  const after = `${adapter === undefined ? '' : 'x.unlock(); '}${given ? 's.given.endCall(); ' : ''}`;
  code.line(`} finally { ${after}}`);
  code.line('if (failed) { s.answeredError = true; throw error; }');
  code.line('return value;');
  return `function${nested ? '*' : ''} (${['s', ...params].join(', ')}) {\n${code}\n}`;
}

/** Writes code that lowers the arguments. Answers the text of the core call's arguments. */
export function lowered(code: Code, slots: FunctionSlots, type: FuncType, params: readonly string[]): string {
  const { memory, realloc, instance } = slots;
  if (memory !== undefined) code.line('m.live(); u = m.u8; d = m.view;');
  if (realloc !== undefined) code.line(`s.locked${instance} = true;`);
  const flat = lowerParams(code, slots, type, params);
  code.line(`s.locked${instance} = false;`);
  return flat.join(', ');
}

/** Writes code that lifts the answer of the core call and cleans up after the call. */
function answered(code: Code, slots: FunctionSlots, type: FuncType, raw: string | undefined, scoped: boolean): void {
  if (type.result !== undefined && raw !== undefined) {
    if (slots.memory !== undefined) code.line('m.open(); u = m.u8; d = m.view;');
    liftResult(code, slots, type.result, raw);
  }
  if (scoped) code.line('if (scope.borrows !== 0) abi.borrowKept();');
  if (type.result !== undefined && raw !== undefined && slots.postReturn !== undefined) postReturn(code, slots, raw);
  if (type.result === undefined && slots.postReturn !== undefined) postReturn(code, slots, '');
  code.line(leaveCode(slots.entering));
}

/** Whether a call lends the guest handles, which the guest must drop before it answers. */
function isScoped(type: FuncType, slots: FunctionSlots): boolean {
  return type.params.some((param) => lendsHandles(param.type, slots));
}

export interface MetImport {
  /** The number of the host function; -1 for none. */
  readonly host: number;
  readonly how: HostCall;
  /** Names the function in errors. */
  readonly name: string;
  /** Whether the host may answer a promise. The guest then suspends itself, and calls the function again for the answer. */
  readonly waits?: boolean;
}

/**
 * The text of a function `(...core values) => core value` that a guest imports and that calls the host.
 */
export function importCode(type: FuncType, slots: FunctionSlots, met: MetImport): string {
  const { host, how, name, waits = false } = met;
  const code = new Code();
  const { instance } = slots;
  const layouts = paramLayouts(type, slots);
  const spilled = spill(layouts);
  const results = type.result === undefined ? [] : layoutOf(type.result, slots.wide).flat;
  const out = results.length > MAX_FLAT_RESULTS;
  const params = (spilled ? ['i32'] : layouts.flatMap(({ flat }) => flat)).map((_, index) => `a${index}`);
  if (out) params.push('out');
  const borrows = type.params.some((param) => holds(param.type, 'borrow'));

  code.line('const s = execution.running.entry;');
  prologue(code, slots);
  code.line('try {');
  code.line(`if (s.locked${instance} || x.locked) abi.mayNotLeave();`);
  if (slots.memory !== undefined) code.line('m.open(); u = m.u8; d = m.view;');
  if (waits) {
    code.line('const t = execution.running;\nlet answer, raw, lent, failed = false;\nif (!t.isSettled) {');
  }
  const nests = how.kind === 'lifted' && how.nests;
  if (nests) {
    code.line('const t = execution.running;\nlet answer, raw, lent;');
    code.line('s.answeredError = false;\ntry {\nif (!t.isSettled) {');
  }
  if (borrows) code.line(waits || nests ? 'lent = [];' : 'const lent = [];');
  const args = spilled ? loadSpilled(code, slots, type) : liftParams(code, slots, type, params);
  const call = callOf(how, host, name, args);
  if (waits) {
    const keep = borrows ? 't.lent = lent; ' : '';
    const wait = `scheduler.wait(t, raw, ${JSON.stringify(name)}); ${keep}return${results[0] === 'i64' && !out ? ' 0n' : out ? '' : ' 0'};`;
    const failed = `catch (thrown) { failed = true; ${thrownCode(type, name)} }`;
    code.line(`try { raw = ${call}; } ${failed}`);
    code.line('} else {');
    if (borrows) code.line('lent = t.lent; t.lent = undefined;');
    code.line(`try { raw = t.take(); } ${failed}`);
    code.line('}');
    // A host function that continues after a wait may answer another promise.
    code.line(
      `if (!failed) {\nif (abi.isPromise(raw, ${mayHaveThen(type)})) { ${wait} }\nanswer = ${answerCode(type, 'raw')};\n}`,
    );
    checkAnswer(code, type, host);
  } else if (how.kind === 'lifted' && how.nests) {
    const nothing = results[0] === 'i64' && !out ? ' 0n' : out ? '' : ' 0';
    const nested = `nested${how.index}(${['s', ...args].join(', ')})`;
    callInstance(code, type, how, { plain: call, nested, borrows, nothing });
  } else callHost(code, type, call, how.kind === 'lifted' ? undefined : { name, host });
  if (borrows) code.line(`for (const entry of lent) s.handles[${instance}].giveBack(entry);`);
  lowerResult(code, slots, type, out);
  code.line('} catch (thrown) { return s.fail(thrown); }');
  return `function (${params.join(', ')}) {\n${code}\n}`;
}

/**
 * Writes the call of another component instance: on a stack of its own where that stack can be suspended, else as a plain
 * call. It also closes the block that `importCode` opened, which checks whether the guest calls the import again for the answer.
 */
function callInstance(
  code: Code,
  type: FuncType,
  { mayWait }: Extract<HostCall, { kind: 'lifted' }>,
  { plain, nested, borrows, nothing }: Readonly<Record<'plain' | 'nested' | 'nothing', string> & { borrows: boolean }>,
): void {
  code.line(`raw = scheduler.nests(t, ${mayWait}) ? scheduler.callNested(t, ${nested}) : ${plain};`);
  code.line(`if (raw instanceof abi.NestedCall) { ${borrows ? 'raw.lent = lent; ' : ''}return${nothing}; }`);
  code.line(`} else { ${borrows ? 'lent = t.lent; t.lent = undefined; ' : ''}raw = t.take(); }`);
  const fallible = type.result?.kind === 'result';
  code.line(fallible ? "answer = { tag: 'ok', val: raw };" : 'answer = raw;');
  code.line('} catch (thrown) {\nif (!s.answeredError) throw thrown;\ns.answeredError = false;');
  code.line("answer = { tag: 'err', val: thrown };\n}");
}

function lendsHandles(type: ValueType, slots: FunctionSlots): boolean {
  return resourcesIn(type).some((part) => part.kind === 'borrow' && slots.resource(part).definedBy !== slots.instance);
}

/**
 * The text of a function `(s, ...arguments) => result` that calls the host, for an export that is itself an import.
 * @param suspends whether the function is asynchronous and waits when the host answers a promise
 */
export function forwardCode(type: FuncType, host: number, how: HostCall, name: string, suspends: boolean): string {
  const code = new Code();
  const params = type.params.map((_, index) => `a${index}`);
  // What was checked on one side is a stream or future of JavaScript's on the other.
  const passedOn = (of: ValueType, value: string): string =>
    replacedCode(code, of, value, (_, from) => code.let(`abi.tasks.passedOn(${from})`));
  const call = callOf(
    how,
    host,
    name,
    type.params.map((param, index) => passedOn(param.type, `a${index}`)),
  );
  if (suspends) {
    code.line('const t = execution.running;\nlet answer, raw;');
    code.line(`try {\nraw = ${call};\nwhile (abi.isPromise(raw, ${mayHaveThen(type)})) {`);
    const wait = `await scheduler.waitOutside(t, raw, ${JSON.stringify(name)});`;
    code.line(`try { ${wait} } finally { execution.reclaim(t); }\nraw = t.take();\n}`);
    code.line(`answer = ${answerCode(type, 'raw')};\n} catch (thrown) { ${thrownCode(type, name)} }`);
    checkAnswer(code, type, host);
  } else callHost(code, type, call, { name, host });
  const answer = type.result === undefined ? '' : passedOn(type.result, 'answer');
  if (type.result?.kind === 'result') {
    code.line(`if (${answer}.tag === 'err') { s.answeredError = true; throw ${answer}.val; }`);
    code.line(`return ${answer}.val;`);
  } else if (type.result !== undefined) code.line(`return ${answer};`);
  return `${suspends ? 'async ' : ''}function (${['s', ...params].join(', ')}) {\n${code}\n}`;
}

export function prologue(code: Code, slots: FunctionSlots): void {
  if (slots.memory !== undefined) code.line(`const m = ${memoryOf(slots.memory)}; let u, d;`);
  const { realloc, instance } = slots;
  if (realloc === undefined) return;
  const core = `s.func${realloc}`;
  const called = slots.hasNumbers ? `s.tasks.allocator(${instance}, ${realloc}, ${core})` : core;
  code.line(`const r = ${slots.wide ? `abi.wideRealloc(${called})` : called};`);
}

/** The state of a store is also the view of its first memory, which mostly is its only one, so that a call touches one object less. */
export function memoryOf(slot: number): string {
  return slot === 0 ? 's' : `s.memory${slot}`;
}

function lowerParams(code: Code, slots: FunctionSlots, type: FuncType, names: readonly string[]): string[] {
  const types = type.params.map((param) => param.type);
  const layouts = layoutsOf(types, slots.wide);
  if (!spill(layouts)) {
    return types.flatMap((param, index) => lowerFlatCode(code, slots, param, names[index] as string));
  }
  const { size, align } = recordLayout(layouts);
  const pointer = code.let(`abi.allocate(m, r, ${align}, ${size})`);
  code.line('u = m.u8; d = m.view;');
  offsetsOf(layouts).forEach((offset, index) => {
    storeCode(code, slots, types[index] as ValueType, names[index] as string, { pointer, offset });
  });
  return [pointerOf(slots, pointer)];
}

function liftResult(code: Code, slots: FunctionSlots, type: ValueType, raw: string): void {
  const { size, align, flat } = layoutOf(type, slots.wide);
  if (flat.length <= MAX_FLAT_RESULTS) {
    assignResult(code, type, liftFlatCode(code, slots, type, [raw]));
    return;
  }
  const pointer = code.let(addressOf(slots, raw));
  code.line(`if (${pointer} % ${align} !== 0 || ${pointer} + ${size} > u.length) abi.badPointer(${pointer});`);
  if (type.kind === 'result') assignLoaded(code, slots, type, pointer);
  else code.line(`value = ${loadCode(code, slots, type, pointer, 0)};`);
}

/** Writes the assignment of a lifted answer. Of a `result`, the function will return the ok value or throw the error value. */
function assignResult(code: Code, type: ValueType, name: string): void {
  if (type.kind !== 'result') code.line(`value = ${name};`);
  else code.line(`if (${name}.tag === 'ok') value = ${name}.val; else { failed = true; error = ${name}.val; }`);
}

/** Does the same for a `result` that lies in memory, without making an object for the `result`. */
function assignLoaded(
  code: Code,
  slots: FunctionSlots,
  type: Extract<ValueType, { kind: 'result' }>,
  pointer: string,
): void {
  const at = payloadOffset(payloadsOf(type), slots.wide);
  const assign = (name: string, payload: ValueType | undefined): void => {
    if (payload !== undefined) code.line(`${name} = ${loadCode(code, slots, payload, pointer, at)};`);
  };
  code.line(`switch (u[${pointer}]) {`);
  code.line('case 0: {');
  assign('value', type.ok);
  code.line('break; }');
  code.line('case 1: {');
  code.line('failed = true;');
  assign('error', type.error);
  code.line('break; }');
  code.line(`default: abi.badDiscriminant(u[${pointer}]); }`);
}

export function postReturn(code: Code, { instance, postReturn }: FunctionSlots, raw: string): void {
  code.line(`s.locked${instance} = true; s.func${postReturn}(${raw}); s.locked${instance} = false;`);
}

function paramLayouts({ params }: FuncType, { wide }: FunctionSlots): readonly Layout[] {
  return layoutsOf(
    params.map(({ type }) => type),
    wide,
  );
}

export function liftParams(code: Code, slots: FunctionSlots, type: FuncType, names: readonly string[]): string[] {
  let at = 0;
  return type.params.map((param) => {
    const count = layoutOf(param.type, slots.wide).flat.length;
    at += count;
    return liftFlatCode(code, slots, param.type, names.slice(at - count, at));
  });
}

function loadSpilled(code: Code, slots: FunctionSlots, type: FuncType): string[] {
  const layouts = paramLayouts(type, slots);
  const { size, align } = recordLayout(layouts);
  const pointer = code.let(addressOf(slots, 'a0'));
  code.line(`if (${pointer} % ${align} !== 0 || ${pointer} + ${size} > u.length) abi.badPointer(${pointer});`);
  const offsets = offsetsOf(layouts);
  return type.params.map((param, index) => loadCode(code, slots, param.type, pointer, offsets[index] as number));
}

/** An expression that calls what meets an import. A function of ours is given its caller, the store, and an embedder's is not. */
export function callOf(how: HostCall, host: number, name: string, args: readonly string[]): string {
  if (how.kind === 'lifted') return `plain${how.index}(${['s', ...args].join(', ')})`;
  const given = hostCallOf(how, host, args, []);
  if (!isOurs(name)) return given;
  const others = how.kind === 'method' && isSpannedMethod(name) ? tracedCallOf(how, host, args, given) : given;
  return `(s.plain[${host}] ? ${hostCallOf(how, host, args, ['s.store'])} : ${others})`;
}

/** An expression that calls a method within a span, or else as `given` does. A method of a runtime without a tracer never comes here. */
function tracedCallOf(
  how: Exclude<HostCall, { kind: 'lifted' }>,
  host: number,
  [self = '', ...args]: readonly string[],
  given: string,
): string {
  const params = args.map((_, at) => `given${at}`);
  const call = `(${['caller', ...params].join(', ')}) => ${hostCallOf(how, host, [self, ...params], ['caller'])}`;
  const method = `s.traced[${host}]`;
  return `${method} === undefined ? ${given} : ${method}(s.store, [${args.join(', ')}], ${call})`;
}

function hostCallOf(
  how: Exclude<HostCall, { kind: 'lifted' }>,
  host: number,
  args: readonly string[],
  caller: readonly string[],
): string {
  const target = `s.host[${host}]`;
  const list = [...caller, ...args].join(', ');
  if (how.kind === 'function') return `(0, ${target})(${list})`;
  if (how.kind === 'constructor') return `new ${target}(${list})`;
  const member = JSON.stringify(camelCase(how.member));
  if (how.kind === 'static') return `${target}[${member}](${list})`;
  return `${args[0]}[${member}](${[...caller, ...args.slice(1)].join(', ')})`;
}

/**
 * Writes the call of what meets an import: of the host function `target`, which may fail in any way, or, without
 * `target`, of another component instance's export.
 */
function callHost(
  code: Code,
  type: FuncType,
  call: string,
  target: { readonly name: string; readonly host: number } | undefined,
): void {
  const fallible = type.result?.kind === 'result';
  if (!fallible && target === undefined) {
    code.line(`const answer = ${call};`);
    return;
  }
  code.line('let answer;');
  if (target === undefined) {
    code.line('s.answeredError = false;');
    code.line(`try { answer = { tag: 'ok', val: ${call} }; }`);
    code.line('catch (thrown) {');
    code.line('if (!s.answeredError) throw thrown;');
    code.line("s.answeredError = false; answer = { tag: 'err', val: thrown };");
    code.line('}');
    return;
  }
  code.line(`try { answer = ${answerCode(type, call)}; }`);
  code.line(`catch (thrown) { ${thrownCode(type, target.name)} }`);
  code.line(`abi.answered(answer${fallible ? '.val' : ''}, ${JSON.stringify(target.name)}, ${mayHaveThen(type)});`);
  checkAnswer(code, type, target.host);
}

/** Writes the check of an answer of an embedder's function against its type. Our own functions have no check. */
export function checkAnswer(code: Code, type: FuncType, host: number): void {
  if (type.result === undefined) return;
  const check = code.let(`s.checks[${host}]`);
  code.line(`if (${check} !== undefined) answer = ${check}(answer);`);
}

/** An expression that turns the answer of a host function into the value that is lowered. */
export function answerCode({ result }: FuncType, raw: string): string {
  if (result?.kind !== 'result') return raw;
  const taken = tagsCarried(result.ok);
  return `abi.asResult(${raw}, ${!taken.includes('ok')}, ${!taken.includes('err')})`;
}

/** Code that turns what a host function threw into the error case of its `result`, or else ends the store. */
export function thrownCode({ result }: FuncType, name: string): string {
  const quoted = JSON.stringify(name);
  return result?.kind === 'result'
    ? `answer = { tag: 'err', val: abi.hostError(thrown, ${quoted}) };`
    : `abi.hostThrew(thrown, ${quoted});`;
}

/** Whether the host may answer an object that has a method `then` and is no promise, as a resource may. */
export function mayHaveThen({ result }: FuncType): boolean {
  return result !== undefined && holds(result, 'own');
}

function lowerResult(code: Code, slots: FunctionSlots, type: FuncType, out: boolean): void {
  const { result } = type;
  if (result === undefined) return;
  const { instance } = slots;
  // However long the host function ran, no guest code ran meanwhile: the memory is unchanged, unless the guest allocates now.
  code.line(`s.locked${instance} = true;`);
  if (out) {
    const { size, align } = layoutOf(result, slots.wide);
    code.line('m.live(); u = m.u8; d = m.view;');
    const pointer = code.let(addressOf(slots, 'out'));
    code.line(`if (${pointer} % ${align} !== 0 || ${pointer} + ${size} > u.length) abi.badPointer(${pointer});`);
    storeCode(code, slots, result, 'answer', { pointer });
    code.line(`s.locked${instance} = false;`);
    return;
  }
  const [flat = '0'] = lowerFlatCode(code, slots, result, 'answer');
  code.line(`s.locked${instance} = false;`);
  code.line(`return ${flat};`);
}
