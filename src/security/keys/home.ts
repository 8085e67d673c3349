import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The parts of the process that determine the home folder. Tests supply their own. */
export interface HomeSource {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly home: string;
}

/**
 * Returns the folder of keys, trusted keys, the machine's secret and the audit log: `VIVARIUM_HOME`, or `vivarium` in
 * the platform's configuration folder (XDG base directories, `Application Support`, `APPDATA`).
 */
export function vivariumHome(source?: HomeSource): string {
  const { env, platform, home } = source ?? { env: process.env, platform: process.platform, home: homedir() };
  if (env.VIVARIUM_HOME) return resolve(env.VIVARIUM_HOME);
  if (platform === 'win32') return join(env.APPDATA || join(home, 'AppData', 'Roaming'), 'vivarium');
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'vivarium');
  // The specification says that a relative XDG path is invalid and must be ignored.
  const xdg = env.XDG_CONFIG_HOME?.startsWith('/') ? env.XDG_CONFIG_HOME : join(home, '.config');
  return join(xdg, 'vivarium');
}
