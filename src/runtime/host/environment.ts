import type { EngineLoadRequest } from '#core/ports/engine';
import type { Environment } from './host-state.ts';

/**
 * Returns what reads a component's environment. Variables that `load` gave are always in it. A variable of the host is in it if the
 * component may read it; this is checked at each read, so that a revoked grant hides the variable again.
 */
export function environmentOf({
  env,
  hostEnv,
  authority,
}: Pick<EngineLoadRequest, 'env' | 'hostEnv' | 'authority'>): Environment {
  const given = Object.entries(env);
  return () => {
    // Read the host's environment only when the component asks: most components never ask, and reading it is slow.
    const granted = Object.entries(hostEnv).filter(
      (pair): pair is [string, string] =>
        pair[1] !== undefined && !Object.hasOwn(env, pair[0]) && authority.allows('environment', 'read', pair[0]),
    );
    return granted.length === 0 ? given : [...given, ...granted];
  };
}
