import { Command } from 'commander';
import type { Shell } from '../shell.ts';
import { doctorCommand } from './cache/doctor.ts';
import { inspectBundleCommand } from './cache/inspect.ts';
import { pathCommand } from './cache/path.ts';
import { pruneCommand } from './cache/prune.ts';
import { pullCommand } from './cache/pull.ts';
import { pushCommand } from './cache/push.ts';
import { statsCommand } from './cache/stats.ts';
import { verifyBundleCommand } from './cache/verify.ts';
import { warmupCommand } from './cache/warmup.ts';

/** The commands, each from its own file in `cache/`, in the order in which the help lists them. */
const COMMANDS = [
  statsCommand,
  doctorCommand,
  warmupCommand,
  pruneCommand,
  pathCommand,
  pushCommand,
  pullCommand,
  verifyBundleCommand,
  inspectBundleCommand,
];

export function cacheCommand(shell: Shell): Command {
  const command = new Command('cache').description(
    'look after the components that are ready to run, and carry what was built to other machines',
  );
  for (const make of COMMANDS) command.addCommand(make(shell));
  return command;
}
