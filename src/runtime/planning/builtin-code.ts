import type { BuiltinItem, ValueType } from '#wasm';
import { Code } from './code.ts';
import { type FunctionSlots, prologue } from './function-code.ts';
import { layoutOf, MAX_FLAT_PARAMS } from './layout.ts';
import { addressOf } from './lift-code.ts';
import { NotDirect } from './not-direct.ts';
import { payloadCode } from './payload-code.ts';
import { liftValue, mayLeaveCode } from './task-code.ts';

/** What a built-in's text needs beside its operands. */
export interface BuiltinParts {
  /** The slots of what its options name. */
  readonly slots: FunctionSlots;
  /** The number of its payload's type, or the one that stands for the result and options of `task.return`. */
  readonly number: number;
  /** The slot of its table. */
  readonly table: number | undefined;
}

/** Built-ins in which a thread may have to wait. */
export function builtinBlocks({ name, flag, options }: BuiltinItem): boolean {
  if (/^(?:stream|future)\.(?:read|write)$/.test(name)) return options?.async !== true;
  if (/^(?:stream|future)\.cancel-/.test(name)) return !flag;
  return /^(?:waitable-set\.wait|subtask\.cancel|thread\.(?:yield|suspend))/.test(name);
}

const MAY_ALWAYS = '() => true';

/** The text of the function that a guest calls for a built-in. */
export function builtinCode(item: BuiltinItem, parts: BuiltinParts): string {
  const { name, instance, flag, type } = item;
  const make = (zero: string, mayLeave: string, run: string): string =>
    `abi.tasks.builtin(${instance}, ${zero}, ${mayLeave}, (s, c, a) => ${run})`;
  const leave = mayLeaveCode(instance);
  const call = (zero: string, text: string): string => make(zero, leave, `abi.tasks.builtins.${text}`);
  const handle = 'a[0] >>> 0';
  const deliver = (): string => `${handle}, ${flag}, ${eventCode(parts.slots)}`;
  switch (name) {
    case 'backpressure.inc':
    case 'backpressure.dec':
      return make('undefined', MAY_ALWAYS, `abi.tasks.builtins.backpressure(c, ${name.endsWith('inc') ? 1 : -1})`);
    case 'task.return':
      return call('undefined', `taskReturn(c, ${parts.number}, () => ${returnCode(item.result, parts.slots)})`);
    case 'task.cancel':
      return call('undefined', 'taskCancel(c)');
    case 'context.get':
      return `abi.tasks.contextGet(${instance}, ${item.slot}, ${item.wide})`;
    case 'context.set':
      return `abi.tasks.contextSet(${instance}, ${item.slot})`;
    case 'waitable-set.new':
      return call('0', 'setNew(c)');
    case 'waitable-set.wait':
      return call('0', `setWait(c, ${deliver()})`);
    case 'waitable-set.poll':
      return call('0', `setPoll(c, ${deliver()})`);
    case 'waitable-set.drop':
      return call('undefined', `setDrop(c, ${handle})`);
    case 'waitable.join':
      return call('undefined', `join(c, ${handle}, a[1] >>> 0)`);
    case 'subtask.cancel':
      return call('0', `subtaskCancel(c, ${handle}, ${flag})`);
    case 'subtask.drop':
      return call('undefined', `subtaskDrop(c, ${handle})`);
    case 'thread.index':
      return make('0', leave, 'c.thread.index');
    case 'thread.new-indirect':
      return make('0', leave, `abi.tasks.newThread(c, s.table${parts.table}, a[0] >>> 0, a[1])`);
    case 'thread.resume-later':
      return call('undefined', `threadResumeLater(c, ${handle})`);
    case 'thread.suspend':
      return call('0', `threadSuspend(c, ${flag})`);
    case 'thread.yield':
      return call('0', `threadYield(c, ${flag})`);
    case 'thread.suspend-then-resume':
    case 'thread.yield-then-resume':
      return call('0', `threadSwitch(c, ${handle}, ${flag}, ${name.includes('yield')})`);
    case 'thread.suspend-then-promote':
    case 'thread.yield-then-promote':
      return call('0', `threadPromote(c, ${handle}, ${flag}, ${name.includes('yield')})`);
    default:
      break;
  }
  if (type === undefined) throw new NotDirect(`uses ${name}`);
  return copyBuiltin(item, type, parts, call);
}

function copyBuiltin(
  { name, flag, options }: BuiltinItem,
  type: NonNullable<BuiltinItem['type']>,
  { slots, number }: BuiltinParts,
  call: (zero: string, text: string) => string,
): string {
  const payload = payloadCode(type, number, undefined);
  const isReadable = /(?:read|readable)$/.test(name);
  switch (name.slice(name.indexOf('.') + 1)) {
    case 'new':
      return call('0n', `copyNew(c, ${payload})`);
    case 'read':
    case 'write': {
      const count = type.kind === 'future' ? '1' : addressOf(slots, 'a[2]');
      const buffer = `() => abi.tasks.buffer(s, p, a[1], ${count})`;
      const text = call('0', `copy(c, p, ${isReadable}, ${options?.async === true}, a[0] >>> 0, ${buffer})`);
      return `((p) => ${text})(${payloadCode(type, number, slots)})`;
    }
    case 'cancel-read':
    case 'cancel-write':
      return call('0', `copyCancel(c, ${payload}, ${isReadable}, ${flag}, a[0] >>> 0)`);
    default:
      return call('undefined', `copyDrop(c, ${payload}, ${isReadable}, a[0] >>> 0)`);
  }
}

/** A function that writes an event's two words into the memory and answers its code. */
function eventCode(slots: FunctionSlots): string {
  const code = new Code();
  prologue(code, { ...slots, realloc: undefined });
  code.line('m.live(); u = m.u8; d = m.view;');
  const at = code.let(addressOf(slots, 'a[1]'));
  code.line(`if (${at} % 4 !== 0 || ${at} + 8 > u.length) abi.badPointer(${at});`);
  code.line(`d.setUint32(${at}, e[1], true); d.setUint32(${at} + 4, e[2], true);\nreturn e[0];`);
  return `(e) => {\n${code}\n}`;
}

/** An expression, in a function of `s` and the core arguments `a`, for the lifted answer of a task. */
function returnCode(result: ValueType | undefined, slots: FunctionSlots): string {
  if (result === undefined) return 'undefined';
  const code = new Code();
  prologue(code, { ...slots, realloc: undefined });
  if (slots.memory !== undefined) code.line('m.open(); u = m.u8; d = m.view;');
  const count = Math.min(layoutOf(result, slots.wide).flat.length, MAX_FLAT_PARAMS);
  const names = Array.from({ length: count }, (_, at) => `a[${at}]`);
  code.line(`return ${liftValue(code, slots, result, names, MAX_FLAT_PARAMS)};`);
  return `{\n${code}\n}`;
}
