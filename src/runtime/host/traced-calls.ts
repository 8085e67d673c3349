import { interfaceName, memberName } from '#runtime/names';
import { attributesOf } from './call-attributes.ts';
import { CallSpan, comesLater } from './call-span.ts';
import type { HostState } from './host-state.ts';
import { SPANNED, type Spanned } from './spanned-functions.ts';

type Call = (caller: HostState, ...args: unknown[]) => unknown;

/**
 * Calls a method of one of our resources within a span.
 * @param args the arguments that the guest gave, without the resource itself
 */
export type TracedMethod = (caller: HostState, args: readonly unknown[], call: Call) => unknown;

/** The interfaces of linkers whose calls are spans. */
const traced = new WeakSet<object>();

/** Returns the interface of which the calls are spans that deserve one. @param base the interface's name without its version */
export function tracedInterface<F extends Readonly<Record<string, unknown>>>(base: string, functions: F): F {
  const table = SPANNED[base];
  if (table === undefined) return functions;
  const made: Record<string, unknown> = { ...functions };
  for (const [name, kind] of Object.entries(table)) {
    const call = made[memberName(name)];
    if (typeof call !== 'function') continue;
    const method = spannedBy(base, name, kind);
    const spanned = (caller: HostState, ...args: unknown[]): unknown => method(caller, args, call as Call);
    made[memberName(name)] = spanned;
  }
  traced.add(made);
  return made as F;
}

/** Whether a method may be a span. @param name its WIT name after that of its interface and `#` */
export function isSpannedMethod(name: string): boolean {
  return spannedMethod(name) !== undefined;
}

/**
 * How a method of one of our resources is called where it is a span; undefined where it is none. Methods belong to classes that all
 * runtimes of the process share, traced or not, so that the code which calls them must ask here.
 * @param name its WIT name after that of its interface and `#`
 * @param met the implementation of the interface
 */
export function tracedMethod(name: string, met: unknown): TracedMethod | undefined {
  if (typeof met !== 'object' || met === null || !traced.has(met)) return undefined;
  const { base, member, kind } = spannedMethod(name) ?? {};
  return base === undefined || member === undefined || kind === undefined ? undefined : spannedBy(base, member, kind);
}

function spannedMethod(name: string) {
  const [from = '', member = ''] = name.split('#');
  const { base } = interfaceName(from);
  const kind = member.startsWith('[') ? SPANNED[base]?.[member] : undefined;
  return kind === undefined ? undefined : { base, member, kind };
}

function spannedBy(base: string, name: string, kind: Spanned): TracedMethod {
  const title = `${base}#${name}`;
  if (kind === 'wait') {
    return (caller, args, call) => {
      const answer = call(caller, ...args);
      if (!comesLater(answer) || caller.span === undefined || caller.span.isDropped === true) return answer;
      return new CallSpan(caller, caller.span.begin('internal', title, {})).follow(answer);
    };
  }
  return (caller, args, call) => {
    const turn = caller.span;
    if (turn === undefined) return call(caller, ...args);
    // Messages carry the context of a dropped span too, so that the turns which they begin are dropped as well.
    if (turn.isDropped === true) return turn.run(() => call(caller, ...args));
    const span = turn.begin(kind, title, attributesOf(base, args));
    return new CallSpan(caller, span).around(() => call(caller, ...args));
  };
}
