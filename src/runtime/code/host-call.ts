import { messageOf, type VivariumError } from '#core/errors';
import { shownValue } from '#core/text';
import { Later } from '#core/waiting';
import type { AnswerChecks, ResultCase } from '#runtime/exports';
import type { CurrentStore, HostState } from '#runtime/host';
import { isFromEmbedder, isFromHost, isOnlyForHost, tracedMethod } from '#runtime/host';
import { ComponentError, RuntimeError } from '../errors.ts';

/**
 * Whether a host function threw the error case of its `result`, and did not fail. A plain value is the error case itself. An object
 * with an own property `payload`, such as a `ComponentError`, carries the error case.
 */
export function isErrorCase(thrown: unknown): boolean {
  return hasPayload(thrown) || !(thrown instanceof Error || thrown instanceof WebAssembly.Exception);
}

/** The error case that a host function threw. `isErrorCase` must hold for `thrown`. */
export function errorCaseOf(thrown: unknown): unknown {
  return hasPayload(thrown) ? thrown.payload : thrown;
}

/**
 * Normalises what a host function returned whose type is a `result`: either the ok value or, as jco allows, the tagged result itself.
 * @param ok whether an answer with the tag `ok` can only be the result itself; `err` likewise
 */
export function asResult(answer: unknown, ok: boolean, err: boolean): ResultCase {
  if (typeof answer === 'object' && answer !== null && 'tag' in answer) {
    if ((ok && answer.tag === 'ok') || (err && answer.tag === 'err')) return answer as ResultCase;
  }
  return { tag: 'ok', val: answer };
}

/** The error that ends a store after a host function failed. @param name the function's name in WIT */
export function hostFailure(name: string, thrown: unknown): VivariumError {
  // An error that already ends the store, or is one of the host's own, stays as it is.
  if (thrown instanceof RuntimeError && !hasPayload(thrown)) return thrown;
  const why = isErrorCase(thrown) ? `its type has no error case, but it threw ${shown(thrown)}` : messageOf(thrown);
  return new RuntimeError('RUNTIME_TRAP', `the host function ${name} failed: ${why}`, { cause: thrown });
}

/** Whether `await` would treat a value as a promise. Thenables of other libraries count too. */
export function isThenable(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && 'then' in answer && typeof answer.then === 'function';
}

/** The error that ends a store after a host function returned a promise. Nobody waits for the promise, so its rejection is ignored. */
export function hostWouldBlock(name: string, answer: unknown): VivariumError {
  if (answer instanceof Promise || answer instanceof Later) answer.then(undefined, () => {});
  const why = OURS.test(name)
    ? 'would have to wait, and no turn of this component can: do it in one turn and read what came of it in a later one'
    : 'answered a promise, and no turn of this component can wait: answer a value';
  return new RuntimeError('RUNTIME_WOULD_BLOCK', `${name} ${why}`);
}

const OURS = /^(?:wasi|vivarium):/;

/**
 * Calls a host function for a component that uses the glue. `fallible` says that the function's type is a `result`. `call` passes on
 * what it is given before the guest's arguments.
 */
export type GlueHostCall = (
  name: string,
  fallible: boolean,
  call: (...caller: readonly HostState[]) => unknown,
) => unknown;

/** @param answers the checks for what an embedder's functions return */
export function glueHostCall(current: CurrentStore, answers: () => AnswerChecks): GlueHostCall {
  return (name, fallible, call) => {
    const { state } = current;
    // The bytes counted so far were this call's arguments. Their lift has ended, so the next lift counts from zero.
    state.lifted();
    const met = importOf(state, name);
    if (isOnlyForHost(name, met)) return state.stop(missing(name));
    let answer: unknown;
    try {
      answer = isFromHost(met) ? callOurs(name, met, state, call) : call();
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

/** Calls a function of ours with its caller. The glue keeps its arguments to itself, so that a span of a method does not tell them. */
function callOurs(name: string, met: unknown, state: HostState, call: (caller: HostState) => unknown): unknown {
  const method = tracedMethod(name, met);
  return method === undefined ? call(state) : method(state, [], call);
}

/** Whether the embedder gave a function. @param name the WIT name; the interface and `#` precede it if the function is of an interface */
function isChecked(state: HostState, name: string): boolean {
  return isFromEmbedder(importOf(state, name));
}

function importOf({ imports }: HostState, name: string): unknown {
  const hash = name.indexOf('#');
  return imports[hash === -1 ? name : name.slice(0, hash)];
}

function missing(name: string): RuntimeError {
  return new RuntimeError('RUNTIME_MISSING_IMPORT', `the component imports ${name}, which its interface does not have`);
}

/** Checks an answer and returns it in the form in which it was given, because the glue itself checks whether it is a `result`. */
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
