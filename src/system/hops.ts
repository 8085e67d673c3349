import { AsyncLocalStorage } from 'node:async_hooks';
import { type ComponentHandle, formatComponentId } from '#core';
import { RuntimeError } from '#runtime';

/** The most handlers that may pass one request on. A chain of middleware is far shorter; a circle has no end. */
const MAX_HOPS = 16;

/**
 * The hops of the requests that the running code passes on. An embedder's \`next\` may await, and may fetch a copy of its request, so
 * that neither the stack nor the request tells where a fetch comes from.
 */
const passed = new AsyncLocalStorage<number>();

/** Runs an embedder's handler for a request which so many handlers have passed on. What it fetches is counted as that request. */
export function atHop<T>(hops: number, handle: () => T): T {
  return passed.run(hops, handle);
}

/** How many handlers have passed on what the running code fetches. */
export function hopsHere(): number {
  return passed.getStore() ?? 0;
}

/** @throws {RuntimeError} \`RUNTIME_LOOP_DETECTED\` for a request that too many handlers have passed on */
export function checkHops(handle: ComponentHandle, hops: number): void {
  if (hops <= MAX_HOPS) return;
  const component = formatComponentId(handle.id);
  throw new RuntimeError(
    'RUNTIME_LOOP_DETECTED',
    `${component} was given a request that ${hops} components have passed on, at most ${MAX_HOPS} of which are let through; their \`next\` leads in a circle`,
    { details: { component } },
  );
}
