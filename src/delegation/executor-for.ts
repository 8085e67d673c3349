import type { ComponentHandle } from '#core';
import type { FetchedModule } from '#core/ports/registry';
import type { DelegatedCall } from './executor.ts';

/** The part of a runtime that {@link executorFor} needs; `Runtime` has it. */
export interface ComponentHost<Options extends object> {
  load(source: Uint8Array, options?: Options & HostLoad): Promise<ComponentHandle>;
  call(
    handle: ComponentHandle,
    what: { readonly name: string; readonly signal?: AbortSignal },
    ...args: readonly unknown[]
  ): Promise<unknown>;
  unload(handle: ComponentHandle): Promise<void>;
}

/** The options that each load gets in addition to the embedder's. */
export interface HostLoad {
  readonly store: 'per-call';
  readonly signal?: AbortSignal;
}

/**
 * Implements `runModule` with a runtime: it loads the fetched module, calls the call's function with its arguments, and
 * unloads the component, also when the call fails or is aborted. From the second call on the runtime's cache has the
 * compiled module.
 * @param options the options of each load: limits, grants, imports. The module comes from a stranger, so grant only
 * what its task needs
 */
export function executorFor<Options extends object>(
  runtime: ComponentHost<Options>,
  options?: Options,
): (module: Pick<FetchedModule, 'bytes'>, call: DelegatedCall) => Promise<unknown> {
  return async ({ bytes }, { context, args, signal }) => {
    const ending = signal === undefined ? {} : { signal };
    const handle = await runtime.load(bytes, { ...(options as Options), store: 'per-call', ...ending });
    // Unloading ends the running turn, which a signal by itself does not.
    let unloading: Promise<void> | undefined;
    const unload = (): Promise<void> => (unloading ??= runtime.unload(handle));
    const onAbort = (): void => void unload().catch(() => undefined);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await runtime.call(handle, { name: context.fnSymbol, ...ending }, ...args);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      await unload();
    }
  };
}
