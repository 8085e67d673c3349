import type { EngineLoadRequest } from '#core/ports/engine';
import type { Environment } from './host-state.ts';

/**
 * What `load` gave stands as it is. A variable of the host's is added when the component may read it; that is asked each
 * time, so that a revoked grant takes it away again.
 */
export function environmentOf({
  env,
  hostEnv,
  authority,
}: Pick<EngineLoadRequest, 'env' | 'hostEnv' | 'authority'>): Environment {
  const given = Object.entries(env);
  return () => {
    // Read when it is asked for: most components never do, and the host's environment is slow to read.
    const granted = Object.entries(hostEnv).filter(
      (pair): pair is [string, string] =>
        pair[1] !== undefined && !Object.hasOwn(env, pair[0]) && authority.allows('environment', 'read', pair[0]),
    );
    return granted.length === 0 ? given : [...given, ...granted];
  };
}
