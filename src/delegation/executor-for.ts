import type { ComponentHandle } from '#core';
import type { FetchedModule } from '#core/ports/registry';
import type { DelegatedCall } from './executor.ts';

/** What {@link executorFor} needs of a runtime; `Runtime` has it. */
export interface ComponentHost<Options extends object> {
  load(source: Uint8Array, options?: Options & HostLoad): Promise<ComponentHandle>;
  call(
    handle: ComponentHandle,
    what: { readonly name: string; readonly signal?: AbortSignal },
    ...args: readonly unknown[]
  ): Promise<unknown>;
  unload(handle: ComponentHandle): Promise<void>;
}

/** What each load is given besides the embedder's options. */
export interface HostLoad {
  readonly store: 'per-call';
  readonly signal?: AbortSignal;
}

/**
 * Binds `runModule` to a runtime: a fetched module is loaded, the call's function is called with its arguments, and the
 * component is unloaded, also when the call fails or is aborted. The runtime's cache has the module compiled from the second
 * call on.
 * @param options what each load is given: limits, grants, imports. The module is a stranger's: grant what its task needs
 */
export function executorFor<Options extends object>(
  runtime: ComponentHost<Options>,
  options?: Options,
): (module: Pick<FetchedModule, 'bytes'>, call: DelegatedCall) => Promise<unknown> {
  return async ({ bytes }, { context, args, signal }) => {
    const ending = signal === undefined ? {} : { signal };
    const handle = await runtime.load(bytes, { ...(options as Options), store: 'per-call', ...ending });
    // Unloading ends the turn that runs, which a signal by itself does not.
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
