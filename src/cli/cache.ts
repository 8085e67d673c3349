import { Command } from 'commander';
import { doctorCommand } from './cache/doctor.ts';
import { pathCommand } from './cache/path.ts';
import { pruneCommand } from './cache/prune.ts';
import { statsCommand } from './cache/stats.ts';
import { warmupCommand } from './cache/warmup.ts';
import type { Shell } from './shell.ts';

/** One file each in `cache/`, in the order in which help shows them. */
const COMMANDS = [statsCommand, doctorCommand, warmupCommand, pruneCommand, pathCommand];

export function cacheCommand(shell: Shell): Command {
  const command = new Command('cache').description('look after the components that are ready to run');
  for (const make of COMMANDS) command.addCommand(make(shell));
  return command;
}
