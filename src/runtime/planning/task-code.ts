import type { FuncType, ValueType } from '#wasm';
import { Code } from './code.ts';
import {
  answerCode,
  callOf,
  checkAnswer,
  type FunctionSlots,
  type HostCall,
  liftParams,
  lowered,
  mayHaveThen,
  postReturn,
  prologue,
  signature,
  thrownCode,
} from './function-code.ts';
import { layoutOf, layoutsOf, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, offsetsOf, recordLayout } from './layout.ts';
import { addressOf, liftFlatCode, loadCode } from './lift-code.ts';
import { lowerFlatCode, storeCode } from './lower-code.ts';
import { outwardCode } from './outward-code.ts';
import { claimCode } from './resource-code.ts';

/** The most core values in which an asynchronously lowered function takes its parameters flat. */
const MAX_FLAT_ASYNC_PARAMS = 4;

/*
 * This file writes what the code of tasks (`runtime/direct/tasks.ts`) needs to know of each function of a component with
 * asynchronous parts: objects whose functions lift and lower the values of one type.
 */

/** What the planner knows of a lifted function of such a component. */
export interface LiftedTask {
  readonly index: number;
  readonly type: FuncType;
  readonly slots: FunctionSlots;
  readonly isAsyncLift: boolean;
  /** Expressions for the core function and its callback. */
  readonly callee: string;
  readonly callback: string | undefined;
  /** The number that stands for its result and the options by which it is lifted. */
  readonly returns: number;
  readonly hasStack: boolean;
  /** Whether guest code runs in it, and not a built-in that was lifted. */
  readonly isGuest: boolean;
  /** Whether the embedder calls it, and not another component instance. */
  readonly isFromHost: boolean;
}

/** The text of a `LiftPlan`. */
export function liftPlanCode(task: LiftedTask): string {
  const { type, slots, callee, callback, isAsyncLift } = task;
  const [parameters, results] = signature(type, slots);
  const answers = isAsyncLift ? (callback === undefined ? "''" : "'i'") : results;
  return `{
index: ${task.index}, instance: ${slots.instance}, isAsync: ${type.async}, isAsyncLift: ${isAsyncLift},
hasCallback: ${callback !== undefined}, returns: ${task.returns}, hasStack: ${task.hasStack}, isGuest: ${task.isGuest}, isFromHost: ${task.isFromHost},
parameters: ${parameters}, results: ${answers}, isResult: ${type.result?.kind === 'result'},
core: (s) => ${callee}, callback: (s) => ${callback ?? 'undefined'},
lower: ${lowerArgsCode(type, slots)},
lift: ${isAsyncLift ? '() => undefined' : liftAnswerCode(type, { ...slots, outside: false })},
outward: ${task.isFromHost ? outwardText(type, slots, isAsyncLift) : '(s, value) => value'},
after: ${afterCode(type, slots, isAsyncLift)},
claim: ${task.isFromHost ? claimText(type, slots) : 'undefined'},
}`;
}

function lowerArgsCode(type: FuncType, slots: FunctionSlots): string {
  const code = new Code();
  const params = type.params.map((_, at) => `a${at}`);
  prologue(code, slots);
  if (params.length > 0) code.line(`const [${params.join(', ')}] = args;`);
  const flat = lowered(code, slots, type, params);
  return `function (s, scope, args) {\n${code}\nreturn [${flat}];\n}`;
}

function liftAnswerCode(type: FuncType, slots: FunctionSlots): string {
  const { result } = type;
  if (result === undefined) return '() => undefined';
  const code = new Code();
  prologue(code, { ...slots, realloc: undefined });
  if (slots.memory !== undefined) code.line('m.open(); u = m.u8; d = m.view;');
  code.line(`return ${liftValue(code, slots, result, ['raw'], MAX_FLAT_RESULTS)};`);
  return `function (s, raw) {\n${code}\n}`;
}

/** Writes code that lifts a value from core values, or from memory where it has more of them than may be passed. */
export function liftValue(
  code: Code,
  slots: FunctionSlots,
  type: ValueType,
  flat: readonly string[],
  most: number,
): string {
  const { size, align, flat: types } = layoutOf(type, slots.wide);
  if (types.length <= most) return liftFlatCode(code, slots, type, flat);
  const pointer = code.let(addressOf(slots, flat[0] as string));
  code.line(`if (${pointer} % ${align} !== 0 || ${pointer} + ${size} > u.length) abi.badPointer(${pointer});`);
  return loadCode(code, slots, type, pointer, 0);
}

function afterCode(type: FuncType, slots: FunctionSlots, isAsyncLift: boolean): string {
  if (isAsyncLift || slots.postReturn === undefined) return '() => {}';
  const code = new Code();
  postReturn(code, slots, type.result === undefined ? '' : 'raw');
  return `function (s, raw) {\n${code}\n}`;
}

/** @param isAsyncLift whether `task.return` has lifted the answer, so that resources in it are still those of component instances */
function outwardText({ result }: FuncType, slots: FunctionSlots, isAsyncLift: boolean): string {
  if (result === undefined) return '() => undefined';
  const code = new Code();
  const resource: FunctionSlots['resource'] = (type) => ({ ...slots.resource(type), as: 'number' });
  const answer = outwardCode(code, isAsyncLift ? slots : { ...slots, resource }, result, 'value');
  return `function (s, value) {\n${code}\nreturn ${answer};\n}`;
}

function claimText(type: FuncType, slots: FunctionSlots): string {
  const code = new Code();
  const params = type.params.map((_, at) => `a${at}`);
  claimCode(code, slots, type, params);
  return `${code}` === '' ? 'undefined' : `function (${['s', ...params].join(', ')}) {\n${code}\n}`;
}

/** What meets a lowered function: the plan of another component instance's function, or a function of the host. */
export type TaskCallee =
  | { readonly lift: number }
  | { readonly host: number; readonly how: HostCall; readonly name: string };

/** The text of a `LowerPlan`. */
export function lowerPlanCode(type: FuncType, slots: FunctionSlots, isAsyncLower: boolean, callee: TaskCallee): string {
  const [flat] = type.result === undefined ? [] : layoutOf(type.result, slots.wide).flat;
  const isOut = type.result !== undefined && (isAsyncLower || flatCount(type.result, slots) > MAX_FLAT_RESULTS);
  const zero = isAsyncLower ? '0' : type.result === undefined || isOut ? 'undefined' : flat === 'i64' ? '0n' : '0';
  return `{
instance: ${slots.instance}, isAsyncLower: ${isAsyncLower}, zero: ${zero},
mayLeave: ${mayLeaveCode(slots.instance)},
liftArgs: ${liftArgsCode(type, slots, isAsyncLower ? MAX_FLAT_ASYNC_PARAMS : MAX_FLAT_PARAMS)},
lowerResult: ${lowerResultCode(type, slots, isOut)},
callee: ${'lift' in callee ? `lift${callee.lift}` : 'undefined'},
host: ${'lift' in callee ? 'undefined' : hostCode(type, callee)},
}`;
}

function flatCount(type: ValueType, { wide }: FunctionSlots): number {
  return layoutOf(type, wide).flat.length;
}

export function mayLeaveCode(instance: number): string {
  return `(s) => !s.locked${instance} && !x.locked`;
}

function liftArgsCode(type: FuncType, slots: FunctionSlots, most: number): string {
  if (type.params.length === 0) return '() => []';
  const code = new Code();
  const types = type.params.map((param) => param.type);
  const layouts = layoutsOf(types, slots.wide);
  const count = layouts.reduce((sum, { flat }) => sum + flat.length, 0);
  prologue(code, { ...slots, realloc: undefined });
  if (slots.memory !== undefined) code.line('m.open(); u = m.u8; d = m.view;');
  let values: readonly string[];
  if (count > most) {
    const { size, align } = recordLayout(layouts);
    const pointer = code.let(addressOf(slots, 'flat[0]'));
    code.line(`if (${pointer} % ${align} !== 0 || ${pointer} + ${size} > u.length) abi.badPointer(${pointer});`);
    const offsets = offsetsOf(layouts);
    values = types.map((each, index) => loadCode(code, slots, each, pointer, offsets[index] as number));
  } else {
    const names = Array.from({ length: count }, (_, at) => code.let(`flat[${at}]`));
    values = liftParams(code, slots, type, names);
  }
  return `function (s, lent, flat) {\n${code}\nreturn [${values.join(', ')}];\n}`;
}

function lowerResultCode(type: FuncType, slots: FunctionSlots, isOut: boolean): string {
  const { result } = type;
  if (result === undefined) return '() => undefined';
  const code = new Code();
  const { instance } = slots;
  prologue(code, slots);
  if (slots.memory !== undefined) code.line('m.live(); u = m.u8; d = m.view;');
  code.line(`s.locked${instance} = true;`);
  if (isOut) {
    const { size, align } = layoutOf(result, slots.wide);
    const pointer = code.let(addressOf(slots, 'out'));
    code.line(`if (${pointer} % ${align} !== 0 || ${pointer} + ${size} > u.length) abi.badPointer(${pointer});`);
    storeCode(code, slots, result, 'answer', { pointer });
    code.line(`s.locked${instance} = false;`);
  } else {
    const [flat = '0'] = lowerFlatCode(code, slots, result, 'answer');
    code.line(`s.locked${instance} = false;\nreturn ${flat};`);
  }
  return `function (s, answer, out) {\n${code}\n}`;
}

function hostCode(type: FuncType, { host, how, name }: Extract<TaskCallee, { host: number }>): string {
  const params = type.params.map((_, at) => `a${at}`);
  const checked = new Code();
  checkAnswer(checked, type, host);
  const unpack = params.length === 0 ? '' : `const [${params.join(', ')}] = args; `;
  return `{
name: ${JSON.stringify(name)}, mayHaveThen: ${mayHaveThen(type)},
isFuture: ${!type.async && type.result?.kind === 'future'},
call: (s, args) => { ${unpack}return ${callOf(how, host, name, params)}; },
answer: (s, raw) => { let answer = ${answerCode(type, 'raw')};\n${checked}\nreturn answer; },
failed: (s, thrown) => { let answer; ${thrownCode(type, name)}\n${checked}\nreturn answer; },
}`;
}
