import type { ComponentAuthority } from '#core/ports/authority';
import type { Environment } from '#core/ports/host-context';

/** What a component's environment is made of. */
export interface EnvironmentParts {
  /** The variables that `load` gave. */
  readonly env: Readonly<Record<string, string>>;
  /** The host's own variables, of which the component sees those that it is granted. */
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
  readonly authority: ComponentAuthority;
}

/**
 * Returns what reads a component's environment. Variables that `load` gave are always in it. A variable of the host is in it if the
 * component may read it; this is checked at each read, so that a revoked grant hides the variable again.
 */
export function environmentOf({ env, hostEnv, authority }: EnvironmentParts): Environment {
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
