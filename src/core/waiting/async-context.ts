import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';

/**
 * The values that all `AsyncLocalStorage` of the process have at one point, as the code that sends a message has them;
 * undefined where no storage is in use, which is what most messages have.
 */
export type AsyncContext = AsyncResource | undefined;

/** Nothing is told of the end of such a resource, and nothing needs to know what began it: both would cost time. */
const OPTIONS = { requireManualDestroy: true, triggerAsyncId: 1 };

/** Where Node keeps the values in an `AsyncResource`, as one object; undefined where this Node keeps them elsewhere. */
const FRAME = findFrame();

/** The context of the running code. It is taken for every message of the embedder's: some 25 nanoseconds. */
export function currentContext(): AsyncContext {
  const resource = new AsyncResource('VIVARIUM', OPTIONS);
  return FRAME !== undefined && frameOf(resource, FRAME) === undefined ? undefined : resource;
}

/** Whether both are surely the same; two that are not known to be so are only run in for nothing. */
export function isSameContext(one: AsyncContext, other: AsyncContext): boolean {
  if (one === other) return true;
  if (FRAME === undefined || one === undefined || other === undefined) return false;
  return frameOf(one, FRAME) === frameOf(other, FRAME);
}

/** Runs the task in a context that was taken earlier, whatever the running code's own is. */
export function inContext<T>(context: AsyncContext, task: () => T): T {
  return (context ?? NONE).runInAsyncScope(task);
}

/** Taken while this module is loaded, possibly by code that has a context of its own: so it is emptied first. */
const NONE = emptyContext();

function emptyContext(): AsyncResource {
  const resource = new AsyncResource('VIVARIUM', OPTIONS);
  if (FRAME !== undefined) Reflect.set(resource, FRAME, undefined);
  return resource;
}

/**
 * The property is Node's own affair and may change: it is believed only if it tells a storage in use from none. Without
 * it every turn runs in its message's context by way of `runInAsyncScope`, which is as right and somewhat slower.
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
