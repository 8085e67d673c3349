import { Command } from 'commander';
import type { Shell } from '../../shell.ts';
import { withCache } from './with-cache.ts';

export function pathCommand(shell: Shell): Command {
  return new Command('path')
    .description('print the folder of the cache')
    .action(shell.action(() => withCache(shell, async ({ root }) => shell.result({ root }, root))));
}
