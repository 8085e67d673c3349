import type { RuntimeOptions } from './options.ts';
import type { Runtime } from './runtime.ts';

/**
 * Makes a runtime. By default all its parts are embedded, so that no service must be installed or started.
 * @throws `CORE_INVALID_OPTION`, `CORE_INVALID_LIMITS` and `CACHE_INVALID_CONFIG`, before anything is started;
 * `STORAGE_UNAVAILABLE`
 */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  // Most programs import this package before they know whether they will run a component, so the import alone loads no engine.
  const { openRuntime } = await import('./hosted-runtime.ts');
  return openRuntime(options);
}
