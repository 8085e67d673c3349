import { messageOf, type VivariumError } from '#core/errors';
import { shownValue } from '#core/text';
import type { AnswerChecks, ResultCase } from '#runtime/exports';
import type { CurrentStore, HostState } from '#runtime/host';
import { isFromEmbedder } from '#runtime/host';
import { ComponentError, RuntimeError } from '../errors.ts';

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

/**
 * What a host function of which the type is a `result` answered: its ok value or, as jco has it, the result itself.
 * @param ok whether an answer that is tagged so can only be the result itself; `err` likewise
 */
export function asResult(answer: unknown, ok: boolean, err: boolean): ResultCase {
  if (typeof answer === 'object' && answer !== null && 'tag' in answer) {
    if ((ok && answer.tag === 'ok') || (err && answer.tag === 'err')) return answer as ResultCase;
  }
  return { tag: 'ok', val: answer };
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
  const why = OURS.test(name)
    ? 'would have to wait, and no turn of this component can: do it in one turn and read what came of it in a later one'
    : 'answered a promise, and no turn of this component can wait: answer a value';
  return new RuntimeError('RUNTIME_WOULD_BLOCK', `${name} ${why}`);
}

const OURS = /^(?:wasi|vivarium):/;

/** Calls a host function of a component that goes through the glue. `fallible`: its type is a `result`. */
export type GlueHostCall = (name: string, fallible: boolean, call: () => unknown) => unknown;

/** @param answers checks for what an embedder's functions answer */
export function glueHostCall(current: CurrentStore, answers: () => AnswerChecks): GlueHostCall {
  return (name, fallible, call) => {
    const { state } = current;
    // What was copied out of the guest were this call's arguments; the next lift counts from nothing.
    state.lifted();
    let answer: unknown;
    try {
      answer = call();
    } catch (thrown) {
      if (!fallible || !isErrorCase(thrown)) return state.stop(hostFailure(name, thrown));
      if (!isChecked(state, name)) throw thrown;
      const error: ResultCase = { tag: 'err', val: errorCaseOf(thrown) };
      const checked = stopping(state, () => answers().check(name, error)) as ResultCase;
      throw new ComponentError('the error case of a host function', checked.val);
    }
    if (isThenable(answer)) return state.stop(hostWouldBlock(name, answer));
    if (!isChecked(state, name)) return answer;
    return stopping(state, () => checkedAnswer(answers(), name, fallible, answer));
  };
}

/** Whether a function is an embedder's. @param name in WIT: its interface and `#` stand before it where it is of one */
function isChecked({ imports }: HostState, name: string): boolean {
  const hash = name.indexOf('#');
  return isFromEmbedder(imports[hash === -1 ? name : name.slice(0, hash)]);
}

/** The answer in the form in which it was given: the glue itself looks whether it is a `result`. */
function checkedAnswer(answers: AnswerChecks, name: string, fallible: boolean, answer: unknown): unknown {
  if (!fallible) return answers.check(name, answer);
  const taken = answers.tagsCarried(name);
  const result = asResult(answer, !taken.includes('ok'), !taken.includes('err'));
  const checked = answers.check(name, result) as ResultCase;
  return result === answer ? checked : checked.val;
}

function stopping<T>(state: HostState, check: () => T): T {
  try {
    return check();
  } catch (error) {
    return state.stop(error as RuntimeError);
  }
}

function hasPayload(thrown: unknown): thrown is { readonly payload: unknown } {
  return typeof thrown === 'object' && thrown !== null && Object.hasOwn(thrown, 'payload');
}

function shown(thrown: unknown): string {
  return thrown instanceof Error ? messageOf(thrown) : shownValue(thrown);
}
