import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';

/**
 * The values of all `AsyncLocalStorage` of the process at one point, for example where a message is sent; undefined
 * when no storage is in use, which is so for most messages.
 */
export type AsyncContext = AsyncResource | undefined;

/** Nothing reports the end of such a resource or what began it, because nothing needs this and both would take time. */
const OPTIONS = { requireManualDestroy: true, triggerAsyncId: 1 };

/**
 * The property in which Node keeps the values of an `AsyncResource` as one object; undefined if this Node keeps them
 * elsewhere.
 */
const FRAME = findFrame();

/**
 * Returns the context of the running code. It is called for every message of the embedder and takes about 25
 * nanoseconds.
 */
export function currentContext(): AsyncContext {
  const resource = new AsyncResource('VIVARIUM', OPTIONS);
  return FRAME !== undefined && frameOf(resource, FRAME) === undefined ? undefined : resource;
}

/**
 * Whether two contexts are certainly the same. If this is unknown, the task is run in the other context, which does no
 * harm.
 */
export function isSameContext(one: AsyncContext, other: AsyncContext): boolean {
  if (one === other) return true;
  if (FRAME === undefined || one === undefined || other === undefined) return false;
  return frameOf(one, FRAME) === frameOf(other, FRAME);
}

/** Runs the task in a context that was taken earlier, whatever the context of the running code. */
export function inContext<T>(context: AsyncContext, task: () => T): T {
  return (context ?? NONE).runInAsyncScope(task);
}

/** The empty context. The code that loads this module may have a context of its own, so it is emptied first. */
const NONE = emptyContext();

function emptyContext(): AsyncResource {
  const resource = new AsyncResource('VIVARIUM', OPTIONS);
  if (FRAME !== undefined) Reflect.set(resource, FRAME, undefined);
  return resource;
}

/**
 * Finds the property. It is internal to Node and may change, so it is used only if it distinguishes a storage in use
 * from none. Without it every turn runs in its message's context by `runInAsyncScope`, which is as correct and somewhat
 * slower.
 */
function findFrame(): symbol | undefined {
  const taken = (): AsyncResource => new AsyncResource('VIVARIUM', OPTIONS);
  const storage = new AsyncLocalStorage<boolean>();
  const [used, unused] = [storage.run(true, taken), storage.exit(taken)];
  storage.disable();
  const symbol = Object.getOwnPropertySymbols(used).find(({ description }) => description === 'context_frame');
  if (symbol === undefined || frameOf(used, symbol) === undefined) return undefined;
  return frameOf(used, symbol) === frameOf(unused, symbol) ? undefined : symbol;
}

function frameOf(resource: AsyncResource, symbol: symbol): unknown {
  return (resource as AsyncResource & Readonly<Record<symbol, unknown>>)[symbol];
}
