import type { ComponentHandle } from '#core';
import { isVivariumError } from '#core/errors';
import { keepAlive } from '#core/event-loop';
import { ComponentError, RuntimeError } from '#runtime';
import type { ComponentSource } from './component-source.ts';
import type { LoadOptions } from './options.ts';

/** The options of `runtime.run`: those of `load` without those for components that outlive one call. */
export type RunOptions = Omit<LoadOptions, 'cancel' | 'config' | 'mailbox' | 'store' | 'supervision'>;

/** The methods of a runtime that one run uses. */
export interface RunPorts {
  load(source: ComponentSource, options: LoadOptions): Promise<ComponentHandle>;
  call(handle: ComponentHandle, target: { readonly name: string; readonly signal?: AbortSignal }): Promise<unknown>;
  unload(handle: ComponentHandle): Promise<void>;
}

/** The look-up of exports by these names also finds compatible versions. Of a component that exports both, the newer one is run. */
const [RUN_3, RUN_2] = ['wasi:cli/run@0.3.0#run', 'wasi:cli/run@0.2.0#run'];

/**
 * Runs a command: loads it, calls `run` of `wasi:cli/run`, and unloads it.
 * @returns the exit code: the one with which the component exited, 1 if `run` returned its error, 0 otherwise
 */
export async function runCommand(ports: RunPorts, source: ComponentSource, options: RunOptions): Promise<number> {
  let handle: ComponentHandle | undefined;
  // A waiting turn does not keep the process alive by itself.
  const letEnd = keepAlive();
  try {
    handle = await ports.load(source, { ...options, cancel: 'turn' });
    await callRun(ports, handle, options.signal === undefined ? {} : { signal: options.signal });
    return 0;
  } catch (error) {
    const status = exitStatus(error);
    if (status !== undefined) return status;
    if (isVivariumError(error, 'RUNTIME_NO_EXPORT')) throw noCommand(error);
    throw error;
  } finally {
    letEnd();
    if (handle !== undefined) await unloaded(ports, handle);
  }
}

async function callRun(ports: RunPorts, handle: ComponentHandle, options: { signal?: AbortSignal }): Promise<void> {
  try {
    await ports.call(handle, { name: RUN_3, ...options });
  } catch (error) {
    if (!isVivariumError(error, 'RUNTIME_NO_EXPORT')) throw error;
    await ports.call(handle, { name: RUN_2, ...options });
  }
}

/** Returns the exit code that `error` carries; undefined if the command ended for another reason. */
function exitStatus(error: unknown): number | undefined {
  if (error instanceof ComponentError) return 1;
  for (let each = error; isVivariumError(each); each = each.cause) {
    if (each.code === 'RUNTIME_EXITED') return Number(each.details?.status);
  }
  return undefined;
}

function noCommand(cause: Error): RuntimeError {
  const message = `the component is no command, for which it would have to export wasi:cli/run@0.2.x or @0.3.x: ${cause.message}`;
  return new RuntimeError('RUNTIME_NO_EXPORT', message, { cause });
}

/** Unloads the component, unless the runtime was closed meanwhile and has unloaded it already. */
async function unloaded(ports: RunPorts, handle: ComponentHandle): Promise<void> {
  try {
    await ports.unload(handle);
  } catch (error) {
    if (!isVivariumError(error, 'RUNTIME_NOT_FOUND')) throw error;
  }
}
