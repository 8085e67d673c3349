import { type Command, Option } from 'commander';
import type { Runtime } from '#system';
import { CliError } from '../errors.ts';
import type { Shell } from '../shell.ts';
import { collect } from './collect.ts';

export interface AuthorityFlags {
  readonly grant: readonly string[];
  readonly dir: readonly string[];
  readonly trust: 'any' | 'signed';
}

/** Adds `--grant`, `--dir` and `--trust`. */
export function addAuthorityOptions(command: Command): Command {
  return command
    .option('-g, --grant <grant>', 'what it may do, as area:action:pattern; may be given several times', collect, [])
    .option(
      '--dir <host::guest>',
      'a folder that it finds open, as ./data::/data; may be given several times',
      collect,
      [],
    )
    .addOption(
      new Option('--trust <what>', 'signed: refuse what no trusted key signed')
        .choices(['any', 'signed'])
        .default('any'),
    );
}

/** Folders to open, as `load` takes them. What may be done in them, `--grant` says. */
export function preopensOf({ dir }: AuthorityFlags): Readonly<Record<string, string>> {
  return Object.fromEntries(
    dir.map((text) => {
      const at = text.lastIndexOf('::');
      if (at < 1) throw new CliError('CLI_USAGE', `--dir ${text}: write HOST::GUEST, as ./data::/data`);
      return [text.slice(at + 2), text.slice(0, at)];
    }),
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
    shell.line(line.replaceAll('\n', '\\n'));
  });
  runtime.on('warning', ({ message }) => shell.line(message, '[warning] '));
  runtime.on('cache', ({ error }) => shell.line(error.message, '[warning] '));
}
