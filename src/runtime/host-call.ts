import { messageOf, shownValue, type VivariumError } from '#core';
import { RuntimeError } from './errors.ts';
import type { CurrentStore } from './host-state.ts';

/**
 * Whether what a host function threw is the error case of its `result`, and not a failure: a plain value is the case
 * itself, and an object with a property `payload` of its own, such as a `ComponentError`, carries it.
 */
export function isErrorCase(thrown: unknown): boolean {
  return hasPayload(thrown) || !(thrown instanceof Error || thrown instanceof WebAssembly.Exception);
}

/** The error case that a host function threw; for what `isErrorCase` says yes to. */
export function errorCaseOf(thrown: unknown): unknown {
  return hasPayload(thrown) ? thrown.payload : thrown;
}

/** What ends a store of which a host function failed, by its name in WIT. */
export function hostFailure(name: string, thrown: unknown): VivariumError {
  // What ends the store already, or is the host's own word for the end, goes on as it is.
  if (thrown instanceof RuntimeError && !hasPayload(thrown)) return thrown;
  const why = isErrorCase(thrown) ? `its type has no error case, but it threw ${shown(thrown)}` : messageOf(thrown);
  return new RuntimeError('RUNTIME_TRAP', `the host function ${name} failed: ${why}`, { cause: thrown });
}

/** Whether a value is a promise to whoever awaits it: one that is not the language's own counts too. */
export function isThenable(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && 'then' in answer && typeof answer.then === 'function';
}

/** What ends a store of which a host function answered a promise; its rejection, if any, is nobody's. */
export function hostWouldBlock(name: string, answer: unknown): VivariumError {
  if (answer instanceof Promise) answer.catch(() => {});
  return new RuntimeError('RUNTIME_WOULD_BLOCK', `${name} answered a promise; a turn cannot wait, answer a value`);
}

/** Calls a host function of a component that goes through the glue. `fallible`: its type is a `result`. */
export type GlueHostCall = (name: string, fallible: boolean, call: () => unknown) => unknown;

export function glueHostCall(current: CurrentStore): GlueHostCall {
  return (name, fallible, call) => {
    const { state } = current;
    // What was copied out of the guest were this call's arguments; the next lift counts from nothing.
    state.lifted();
    let answer: unknown;
    try {
      answer = call();
    } catch (thrown) {
      if (fallible && isErrorCase(thrown)) throw thrown;
      return state.stop(hostFailure(name, thrown));
    }
    if (isThenable(answer)) return state.stop(hostWouldBlock(name, answer));
    return answer;
  };
}

function hasPayload(thrown: unknown): thrown is { readonly payload: unknown } {
  return typeof thrown === 'object' && thrown !== null && Object.hasOwn(thrown, 'payload');
}

function shown(thrown: unknown): string {
  return thrown instanceof Error ? messageOf(thrown) : shownValue(thrown);
}
