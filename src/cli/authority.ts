import { type Command, Option } from 'commander';
import type { Runtime } from '#system';
import { collect } from './collect.ts';
import type { Shell } from './shell.ts';

export interface AuthorityFlags {
  readonly grant: readonly string[];
  readonly trust: 'any' | 'signed';
}

/** Adds `--grant` and `--trust`. */
export function addAuthorityOptions(command: Command): Command {
  return command
    .option('-g, --grant <grant>', 'what it may do, as area:action:pattern; may be given several times', collect, [])
    .addOption(
      new Option('--trust <what>', 'signed: refuse what no trusted key signed')
        .choices(['any', 'signed'])
        .default('any'),
    );
}

/** What the registry gives was signed by a trusted key, or it would not have been given. */
export function trustOf(component: string, { trust }: AuthorityFlags): AuthorityFlags['trust'] {
  return component.startsWith('registry:') ? 'any' : trust;
}

/** Says each grant that a component lacked, once, and what is wrong beside the components. */
export function reportAuthority(shell: Shell, runtime: Runtime): void {
  const told = new Set<string>();
  runtime.on('denied', ({ component, grant }) => {
    const line = `[denied] ${component} needs --grant '${grant}'`;
    // A guest that tries ever new things must not fill the terminal.
    if (told.size >= 20 || told.has(line)) return;
    told.add(line);
    shell.line(line);
  });
  runtime.on('warning', ({ message }) => shell.line(`[warning] ${message}`));
}
