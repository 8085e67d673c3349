import { resolve } from 'node:path';
import { Command } from 'commander';
import { addAuthorityOptions } from '../options/authority.ts';
import type { Shell } from '../shell.ts';
import type { DevFlags } from './dev/develop.ts';

export function devCommand(shell: Shell): Command {
  const command = new Command('dev')
    .description('build an actor whenever its source changes, and run it')
    .argument('[folder]', "the actor's project", '.')
    .option('--world <name>', 'the world of its wit folder to build (default: guest)')
    .option('--no-check', 'do not check types')
    .addHelpText(
      'after',
      `
Every line of standard input is a message to the actor. What its actor.toml asks for in \`grants\` it gets where --grant
covers it, or where you agree at the terminal. A change that cannot be built leaves the actor as it is.`,
    );
  return addAuthorityOptions(command).action(
    shell.action(async (folder: string, flags: DevFlags) => {
      const { develop } = await import('./dev/develop.ts');
      await develop(shell, resolve(folder), flags);
    }),
  );
}
