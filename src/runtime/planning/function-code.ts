import { tagsCarried } from '#runtime/exports';
import type { FuncType, ValueType } from '#wasm';
import type { AdapterUse } from './adapter/adapters.ts';
import { Code, camelCase, type MemoryAccess } from './code.ts';
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
import { claimCode, enterCode, leaveCode, resourcesIn } from './resource-code.ts';

/** Where a function finds what its options name: slots of the store's state. */
export interface FunctionSlots extends MemoryAccess {
  readonly memory: number | undefined;
  readonly realloc: number | undefined;
  readonly postReturn: number | undefined;
  /** Component instances that a call enters: none of them may be running. */
  readonly entering: readonly number[];
}

/** How a host function is called: by its kind and the member's name. */
export type HostCall =
  /** Not the host at all but another component instance's export, by its number. */
  | { readonly kind: 'lifted'; readonly index: number; readonly nests: boolean; readonly mayWait: boolean }
  | { readonly kind: 'function' }
  | { readonly kind: 'constructor' }
  | { readonly kind: 'method' | 'static'; readonly member: string };

/*
 * Each function is made once for a component and shared by all its stores; the store's state is its argument or, where
 * a guest calls, that of the turn that runs.
 */

/**
 * The text of a function `(s, ...arguments) => result` that calls a lifted export.
 * @param callee an expression for the core function
 * @param adapter how its adapter is used, by which a store that has one is called where what is given fits
 */
export function exportCode(type: FuncType, slots: FunctionSlots, callee: string, adapter?: AdapterUse): string {
  return callCode(type, slots, adapter, false, (raw, flat) => `${raw}${callee}(${flat});`);
}

/**
 * The text of the same function that calls the export on a stack of its own, which imports may suspend. It answers a promise
 * where the guest was suspended.
 * @param rest the name of the function that `restCode` is the text of
 */
export function suspendableCode(
  type: FuncType,
  slots: FunctionSlots,
  index: number,
  callee: string,
  rest: string,
  adapter?: AdapterUse,
): string {
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
  code.line(`const e = s.entries[${index}] ??= new abi.GuestEntry(${callee}, ${signature(type, slots)});`);
  code.line(`e.begin(t);\nconst ended = e.enter(e, e.callee${flat === '' ? '' : `, ${flat}`});`);
  const lift = `${rest}(s, e.raw${scoped ? ', scope' : ''})`;
  code.line(`return e.isAnswered ? ${lift} : e.later(t, ended, () => ${lift});`);
  if (given) {
    code.line('})(); } catch (thrown) { s.given.endCall(); throw thrown; }');
    code.line('if (answer instanceof Promise) return answer.finally(() => s.given.endCall());');
    code.line('s.given.endCall();\nreturn answer;');
  }
  return `function (${['s', ...params].join(', ')}) {\n${code}\n}`;
}

/** Calls the adapter, if the store has one that takes what is given. */
function adaptedCall(code: Code, slots: FunctionSlots, { index, place, parameters }: AdapterUse, rest: string): void {
  code.line('let placed = false;');
  for (const name of parameters) code.line(`let ${name} = 0;`);
  code.line(`placing: if (s.adapter${index} !== undefined) {\n${place}\nplaced = true;\n}`);
  code.line('if (placed) {');
  const letters = `'${'i'.repeat(parameters.length)}', 'i'`;
  code.line(`const e = s.adapted[${index}] ??= new abi.GuestEntry(s.adapter${index}, ${letters});`);
  // The answer is read while nobody else has used the exchange: within the guest's last instructions.
  const lift = `if (x.answer === 0) return ${rest}(s, e.raw); ${leaveCode(slots.entering)} return x.answered();`;
  code.line(`x.lock();\ne.begin(t);\nconst ended = e.enter(${['e', 'e.callee', ...parameters].join(', ')});`);
  code.line(`if (!e.isAnswered) return e.later(t, ended, () => { ${lift} }, () => x.unlock());`);
  code.line(`try { ${lift} } finally { x.unlock(); }\n}`);
}

/** The text of a function `(s, raw, scope)` that lifts what an export answered, and cleans up. */
export function restCode(type: FuncType, slots: FunctionSlots): string {
  const code = new Code();
  prologue(code, { ...slots, realloc: undefined });
  code.line('let value, error, failed = false;');
  answered(code, slots, type, type.result === undefined ? undefined : 'raw', isScoped(type, slots));
  code.line('if (failed) { s.answeredError = true; throw error; }\nreturn value;');
  return `function (s, raw, scope) {\n${code}\n}`;
}

/**
 * The text of the same function as a generator that leaves the core call to who runs it: it yields the entry and its core
 * arguments, and goes on with what the call answered. For calls between component instances, which have stacks of their own.
 */
export function nestedCode(type: FuncType, slots: FunctionSlots, index: number, callee: string): string {
  const letters = signature(type, slots);
  return callCode(type, slots, undefined, true, (raw, flat) => {
    const entry = `(s.entries[${index}] ??= new abi.GuestEntry(${callee}, ${letters}))`;
    return `${raw}yield [${entry}${flat === '' ? '' : `, ${flat}`}];`;
  });
}

/** The core types that a lifted function takes and answers, as two texts with a letter for each. */
function signature(type: FuncType, slots: FunctionSlots): string {
  const letter: Readonly<Record<string, string>> = { i32: 'i', i64: 'I', f32: 'f', f64: 'F' };
  const pointer = slots.wide ? 'I' : 'i';
  const layouts = paramLayouts(type, slots);
  const taken = spill(layouts) ? pointer : layouts.flatMap(({ flat }) => flat.map((each) => letter[each])).join('');
  const flat = type.result === undefined ? [] : layoutOf(type.result, slots.wide).flat;
  const given = flat.length > MAX_FLAT_RESULTS ? pointer : flat.map((each) => letter[each]).join('');
  return `'${taken}', '${given}'`;
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

/** Lowers the arguments; answers the core call's. */
function lowered(code: Code, slots: FunctionSlots, type: FuncType, params: readonly string[]): string {
  const { memory, realloc, instance } = slots;
  if (memory !== undefined) code.line('m.live(); u = m.u8; d = m.view;');
  if (realloc !== undefined) code.line(`s.locked${instance} = true;`);
  const flat = lowerParams(code, slots, type, params);
  code.line(`s.locked${instance} = false;`);
  return flat.join(', ');
}

/** Lifts what the core call answered, and cleans up. */
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

/** Whether a function is lent handles, which it must have dropped when it answers. */
function isScoped(type: FuncType, slots: FunctionSlots): boolean {
  return type.params.some((param) => lendsHandles(param.type, slots));
}

/**
 * The text of a function `(...core values) => core value` that a guest imports and that calls the host.
 * @param waits whether the host may answer a promise: then the guest suspends itself and calls the function again
 */
export function importCode(
  type: FuncType,
  slots: FunctionSlots,
  host: number,
  how: HostCall,
  name: string,
  waits = false,
): string {
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
    code.line('const t = execution.running;\nlet answer, raw, lent, failed = false;\nif (t.settled === undefined) {');
  }
  const nests = how.kind === 'lifted' && how.nests;
  if (nests) {
    code.line('const t = execution.running;\nlet answer, raw, lent;');
    code.line('s.answeredError = false;\ntry {\nif (t.settled === undefined) {');
  }
  if (borrows) code.line(waits || nests ? 'lent = [];' : 'const lent = [];');
  const args = spilled ? loadSpilled(code, slots, type) : liftParams(code, slots, type, params);
  const call = callOf(how, host, args);
  if (waits) {
    const keep = borrows ? 't.lent = lent; ' : '';
    const wait = `scheduler.wait(t, raw, ${JSON.stringify(name)}); ${keep}return${results[0] === 'i64' && !out ? ' 0n' : out ? '' : ' 0'};`;
    const failed = `catch (thrown) { failed = true; ${thrownCode(type, name)} }`;
    code.line(`try { raw = ${call}; } ${failed}`);
    code.line('} else {');
    if (borrows) code.line('lent = t.lent; t.lent = undefined;');
    code.line(`try { raw = t.take(); } ${failed}`);
    code.line('}');
    // What has waited may have to wait once more.
    code.line(
      `if (!failed) {\nif (abi.isPromise(raw, ${mayHaveThen(type)})) { ${wait} }\nanswer = ${answerCode(type, 'raw')};\n}`,
    );
    checkAnswer(code, type, host);
  } else if (how.kind === 'lifted' && how.nests) {
    const nothing = results[0] === 'i64' && !out ? ' 0n' : out ? '' : ' 0';
    callInstance(code, type, how, call, `nested${how.index}(${['s', ...args].join(', ')})`, { borrows, nothing });
  } else callHost(code, type, call, how.kind === 'lifted' ? undefined : { name, host });
  if (borrows) code.line(`for (const entry of lent) s.handles[${instance}].giveBack(entry);`);
  lowerResult(code, slots, type, out);
  code.line('} catch (thrown) { return s.fail(thrown); }');
  return `function (${params.join(', ')}) {\n${code}\n}`;
}

/**
 * Calls another component instance: on a stack of its own where that can be suspended, and plainly where not. Ends the text
 * that looks whether the import is called again for the answer.
 */
function callInstance(
  code: Code,
  type: FuncType,
  { mayWait }: Extract<HostCall, { kind: 'lifted' }>,
  plain: string,
  nested: string,
  { borrows, nothing }: { readonly borrows: boolean; readonly nothing: string },
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
 * The text of a function `(s, ...arguments) => result` that calls the host, for an export that is an import.
 * @param suspends whether it is asynchronous, and waits where the host answers a promise
 */
export function forwardCode(type: FuncType, host: number, how: HostCall, name: string, suspends: boolean): string {
  const code = new Code();
  const params = type.params.map((_, index) => `a${index}`);
  const call = callOf(how, host, params);
  if (suspends) {
    code.line('const t = execution.running;\nlet answer, raw;');
    code.line(`try {\nraw = ${call};\nwhile (abi.isPromise(raw, ${mayHaveThen(type)})) {`);
    const wait = `await scheduler.waitOutside(t, raw, ${JSON.stringify(name)});`;
    code.line(`try { ${wait} } finally { execution.reclaim(t); }\nraw = t.take();\n}`);
    code.line(`answer = ${answerCode(type, 'raw')};\n} catch (thrown) { ${thrownCode(type, name)} }`);
    checkAnswer(code, type, host);
  } else callHost(code, type, call, { name, host });
  if (type.result?.kind === 'result') {
    code.line("if (answer.tag === 'err') { s.answeredError = true; throw answer.val; }");
    code.line('return answer.val;');
  } else if (type.result !== undefined) code.line('return answer;');
  return `${suspends ? 'async ' : ''}function (${['s', ...params].join(', ')}) {\n${code}\n}`;
}

function prologue(code: Code, slots: FunctionSlots): void {
  if (slots.memory !== undefined) code.line(`const m = ${memoryOf(slots.memory)}; let u, d;`);
  if (slots.realloc !== undefined)
    code.line(`const r = ${slots.wide ? `abi.wideRealloc(s.func${slots.realloc})` : `s.func${slots.realloc}`};`);
}

/** A store's first memory, mostly the only one, is the store's state itself: one object less to reach for at each call. */
function memoryOf(slot: number): string {
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
    storeCode(code, slots, types[index] as ValueType, names[index] as string, pointer, offset);
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

/** A `result` is answered as its value, or thrown as its error. */
function assignResult(code: Code, type: ValueType, name: string): void {
  if (type.kind !== 'result') code.line(`value = ${name};`);
  else code.line(`if (${name}.tag === 'ok') value = ${name}.val; else { failed = true; error = ${name}.val; }`);
}

/** The same for one that lies in memory, without making the `result`. */
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

function postReturn(code: Code, { instance, postReturn }: FunctionSlots, raw: string): void {
  code.line(`s.locked${instance} = true; s.func${postReturn}(${raw}); s.locked${instance} = false;`);
}

function paramLayouts({ params }: FuncType, { wide }: FunctionSlots): readonly Layout[] {
  return layoutsOf(
    params.map(({ type }) => type),
    wide,
  );
}

function liftParams(code: Code, slots: FunctionSlots, type: FuncType, names: readonly string[]): string[] {
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

function callOf(how: HostCall, host: number, args: readonly string[]): string {
  if (how.kind === 'lifted') return `plain${how.index}(${['s', ...args].join(', ')})`;
  const target = `s.host[${host}]`;
  if (how.kind === 'function') return `(0, ${target})(${args.join(', ')})`;
  if (how.kind === 'constructor') return `new ${target}(${args.join(', ')})`;
  const member = JSON.stringify(camelCase(how.member));
  if (how.kind === 'static') return `${target}[${member}](${args.join(', ')})`;
  return `${args[0]}[${member}](${args.slice(1).join(', ')})`;
}

/**
 * Calls what meets an import: the host's function of that name in WIT, which may fail in any way, or, where none is
 * given, another component's.
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

/** Holds what an embedder's function answered against its type; our own functions have no check. */
function checkAnswer(code: Code, type: FuncType, host: number): void {
  if (type.result === undefined) return;
  const check = code.let(`s.checks[${host}]`);
  code.line(`if (${check} !== undefined) answer = ${check}(answer);`);
}

/** What a host function answered, as the value of its type that is lowered. */
function answerCode({ result }: FuncType, raw: string): string {
  if (result?.kind !== 'result') return raw;
  const taken = tagsCarried(result.ok);
  return `abi.asResult(${raw}, ${!taken.includes('ok')}, ${!taken.includes('err')})`;
}

/** What becomes of what a host function threw: the error case of its type, or the end of the store. */
function thrownCode({ result }: FuncType, name: string): string {
  const quoted = JSON.stringify(name);
  return result?.kind === 'result'
    ? `answer = { tag: 'err', val: abi.hostError(thrown, ${quoted}) };`
    : `abi.hostThrew(thrown, ${quoted});`;
}

/** Whether an object that the host answers may have a method `then` of its own and be no promise. */
function mayHaveThen({ result }: FuncType): boolean {
  return result !== undefined && holds(result, 'own');
}

function lowerResult(code: Code, slots: FunctionSlots, type: FuncType, out: boolean): void {
  const { result } = type;
  if (result === undefined) return;
  const { instance } = slots;
  // The host may have run for long, but guest code cannot have: the memory is as it was, unless the guest allocates.
  code.line(`s.locked${instance} = true;`);
  if (out) {
    const { size, align } = layoutOf(result, slots.wide);
    code.line('m.live(); u = m.u8; d = m.view;');
    const pointer = code.let(addressOf(slots, 'out'));
    code.line(`if (${pointer} % ${align} !== 0 || ${pointer} + ${size} > u.length) abi.badPointer(${pointer});`);
    storeCode(code, slots, result, 'answer', pointer, 0);
    code.line(`s.locked${instance} = false;`);
    return;
  }
  const [flat = '0'] = lowerFlatCode(code, slots, result, 'answer');
  code.line(`s.locked${instance} = false;`);
  code.line(`return ${flat};`);
}

/** Whether a value of the type can hold one of a kind. */
export function holds(type: ValueType, ...kinds: readonly ValueType['kind'][]): boolean {
  if (kinds.includes(type.kind)) return true;
  switch (type.kind) {
    case 'record':
      return type.fields.some((field) => holds(field.type, ...kinds));
    case 'tuple':
      return type.elements.some((element) => holds(element, ...kinds));
    case 'variant':
      return type.cases.some((each) => each.type !== undefined && holds(each.type, ...kinds));
    case 'list':
    case 'option':
      return holds(type.element, ...kinds);
    case 'result':
      return [type.ok, type.error].some((part) => part !== undefined && holds(part, ...kinds));
    default:
      return false;
  }
}
