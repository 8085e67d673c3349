import { CliError } from '../errors.ts';

export interface EnvironmentFlags {
  readonly env: readonly string[];
}

/** Returns the variables that `--env` names. A name without a value passes on this process's variable, which must be set. */
export function environmentOf({ env }: EnvironmentFlags): Readonly<Record<string, string>> {
  return Object.fromEntries(
    env.flatMap((pair) => {
      const at = pair.indexOf('=');
      if (at > 0) return [[pair.slice(0, at), pair.slice(at + 1)]];
      if (at === 0 || pair === '') throw new CliError('CLI_USAGE', `--env ${pair}: write NAME=VALUE`);
      const value = process.env[pair];
      if (value === undefined)
        throw new CliError('CLI_USAGE', `--env ${pair}: write NAME=VALUE; no variable ${pair} is set here`);
      return [[pair, value]];
    }),
  );
}
