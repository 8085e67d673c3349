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
      '--dir <host::guest[:ro]>',
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

interface OpenedFolder {
  readonly host: string;
  readonly guest: string;
  readonly isReadOnly: boolean;
}

/** Returns the folders to open, in the form that `load` takes. `--grant` decides what the component may do in them. */
export function preopensOf({ dir }: AuthorityFlags): Readonly<Record<string, string>> {
  const folders = dir.map(openedFolder);
  const readOnly = folders.find(({ isReadOnly }) => isReadOnly);
  if (readOnly !== undefined) {
    const grant = `--grant 'filesystem:read:${readOnly.guest}/**'`;
    throw new CliError(
      'CLI_USAGE',
      `--dir …::${readOnly.guest}:ro: what may be done in a folder, grants say; leave :ro out and write ${grant}`,
    );
  }
  return preopensAt(folders);
}

/** Returns the folders to open for a WASI command, with grants that permit everything in them or, for `:ro`, only reading. */
export function foldersOf({ dir }: AuthorityFlags): {
  readonly preopens: Readonly<Record<string, string>>;
  readonly grants: readonly string[];
} {
  const folders = dir.map(openedFolder);
  const preopens = preopensAt(folders);
  const writable = folders.filter(({ isReadOnly }) => !isReadOnly);
  for (const { guest, isReadOnly } of folders) {
    const around = writable.find((each) => isBelow(guest, each.guest));
    if (isReadOnly && around !== undefined)
      throw new CliError(
        'CLI_USAGE',
        `--dir …::${guest}:ro: it lies in ${around.guest}, where everything may be written; open ${around.guest} with :ro, or this elsewhere`,
      );
  }
  if (folders.length === 0) return { preopens, grants: [] };
  // A command reaches no file outside of these folders, so a grant for all files is one for these.
  if (writable.length === folders.length) return { preopens, grants: ['filesystem:*:**'] };
  return { preopens, grants: ['filesystem:read:**', ...writable.flatMap(({ guest }) => writeGrants(guest))] };
}

function writeGrants(guest: string): readonly string[] {
  if (!/^[\x21-\x7e]+$/.test(guest) || guest.includes('*'))
    throw new CliError(
      'CLI_USAGE',
      `--dir …::${guest}: beside a folder with :ro, the path of one that may be written is ASCII without spaces and *`,
    );
  // The root has no name that a pattern could say: `/**` matches it as well.
  const patterns = guest === '/' ? ['/**'] : [guest, `${guest}/**`];
  return patterns.map((pattern) => `filesystem:write:${pattern}`);
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder === '/' ? '/' : `${folder}/`);
}

function openedFolder(text: string): OpenedFolder {
  const at = text.lastIndexOf('::');
  if (at < 1) throw new CliError('CLI_USAGE', `--dir ${text}: write HOST::GUEST, as ./data::/data`);
  const named = text.slice(at + 2);
  const isReadOnly = named.endsWith(':ro');
  const guest = isReadOnly ? named.slice(0, -':ro'.length) : named;
  if (!guest.startsWith('/'))
    throw new CliError('CLI_USAGE', `--dir ${text}: the path for the component begins with /, as ./data::/data`);
  return { host: text.slice(0, at), guest: withoutSlash(guest), isReadOnly };
}

/** A folder may be named with slashes at its end, as shells complete it. */
function withoutSlash(path: string): string {
  let end = path.length;
  while (end > 1 && path[end - 1] === '/') end -= 1;
  return path.slice(0, end);
}

function preopensAt(folders: readonly OpenedFolder[]): Readonly<Record<string, string>> {
  const twice = folders.find(({ guest }, index) => folders.findIndex((each) => each.guest === guest) < index);
  if (twice !== undefined)
    throw new CliError('CLI_USAGE', `--dir …::${twice.guest}: two folders cannot be found under one path`);
  return Object.fromEntries(folders.map(({ host, guest }) => [guest, host]));
}

/** The registry client only returns modules that a trusted key has signed, so they need no second check of their signature. */
export function trustOf(component: string, { trust }: AuthorityFlags): AuthorityFlags['trust'] {
  return component.startsWith('registry:') ? 'any' : trust;
}

/** What permits what a manifest must ask for as well. */
export const inManifest = (grant: string): string =>
  `grants = [${JSON.stringify(grant)}] in its actor.toml, and ${byOption(grant)}`;

const byOption = (grant: string): string => `--grant '${grant}'`;

/**
 * Prints each grant that a component lacks once, and prints the runtime's warnings.
 * @param permitting says what would permit a grant; by default the option
 */
export function reportAuthority(
  shell: Shell,
  runtime: Runtime,
  permitting: (grant: string) => string = byOption,
): void {
  const told = new Set<string>();
  runtime.on('denied', ({ component, grant }) => {
    const line = `[denied] ${component} needs ${permitting(grant)}`;
    // The limit prevents a guest from filling the terminal with ever new denials.
    if (told.size >= 20 || told.has(line)) return;
    told.add(line);
    shell.line(line.replaceAll('\n', '\\n'));
  });
  runtime.on('warning', ({ message }) => shell.line(message, '[warning] '));
  runtime.on('cache', ({ error }) => shell.line(error.message, '[warning] '));
}
