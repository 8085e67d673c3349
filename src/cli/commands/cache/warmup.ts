import { access, glob } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { Command, Option } from 'commander';
import { isVivariumError, messageOf } from '#core/errors';
import { DEFAULT_MAX_COMPONENT_BYTES } from '#core/limits';
import type { MeteringMode } from '#core/ports/meter';
import { printable } from '#core/text';
import { readRegular } from '#files';
import { CliError } from '../../errors.ts';
import { EXIT } from '../../exit-codes.ts';
import type { Shell } from '../../shell.ts';
import { ProgressBar } from '../../terminal/progress-bar.ts';
import { withCache } from './with-cache.ts';

const MAX_LIST_BYTES = 64 * 2 ** 20;

interface WarmupFlags {
  readonly list?: string;
  readonly strict?: boolean;
  readonly forInstalled?: boolean;
  readonly concurrency: string;
  readonly metering: MeteringMode;
}

interface Wanted {
  readonly path: string;
  readonly digest: string | undefined;
  /** The metering mode with which the component was run; by default, the one that the command was given. */
  readonly meteringMode?: MeteringMode;
}

export function warmupCommand(shell: Shell): Command {
  return new Command('warmup')
    .description('make components ready before they are asked for')
    .argument('[components...]', 'files, or globs such as plugins/**/*.wasm')
    .option(
      '--list <file>',
      'a file with one path a line, after its sha256: digest where that is known; - is standard input',
    )
    .option(
      '--for-installed',
      'what the cache has for other versions of Vivarium, jco or Node, for those that are installed now',
    )
    .option('--strict', 'stop at the first that cannot be made ready')
    .option('--concurrency <number>', 'how many are worked on at a time', '4')
    .addOption(
      new Option('--metering <mode>', 'what they will be run with').choices(['fuel', 'deadline']).default('fuel'),
    )
    .addHelpText('after', '\nExit code 1: at least one component could not be made ready.')
    .action(shell.action((components: readonly string[], flags: WarmupFlags) => warmup(shell, components, flags)));
}

async function warmup(shell: Shell, components: readonly string[], flags: WarmupFlags): Promise<void> {
  const concurrency = Number(flags.concurrency);
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new CliError('CLI_USAGE', `--concurrency ${flags.concurrency}: give a whole number, 1 or more`);
  }
  const installed = flags.forInstalled ? await installedFor(shell) : undefined;
  const named = [...(await expand(components)), ...(await listed(shell, flags.list))];
  const wanted = [...named, ...(installed?.there ?? [])];
  if (wanted.length === 0 && installed === undefined)
    throw new CliError('CLI_USAGE', 'name components, a glob that matches some, or a --list');
  const items = wanted.map(({ path, digest, meteringMode }) => ({
    name: path,
    digest,
    meteringMode: meteringMode ?? flags.metering,
    origin: resolve(path),
    load: () => readRegular(path, DEFAULT_MAX_COMPONENT_BYTES, { links: 'follow' }),
  }));
  const bar = new ProgressBar(shell);
  const report = await withCache(shell, (cache) =>
    cache.warmup(items, flags.strict ? 'strict' : 'best-effort', {
      concurrency,
      onProgress: ({ done, total, name, outcome }) => {
        if (shell.json && outcome !== 'failed') shell.result({ name, outcome }, '');
        bar.show(done, total, name);
      },
    }),
  ).finally(() => bar.clear());
  for (const { name, error } of report.failed) {
    const code = isVivariumError(error) ? error.code : 'UNEXPECTED';
    const message = messageOf(error);
    shell.result({ name, outcome: 'failed', code, message }, printable(`${name}: ${code}: ${message}`));
  }
  const { total, built, ready, failed } = report;
  shell.result(
    { total, built, ready, failed: failed.length, ...installed?.lost },
    `${built} made ready, ${ready} were ready${failed.length === 0 ? '' : `, ${failed.length} failed`}`,
  );
  if (failed.length > 0) shell.exitCode = EXIT.failed;
}

/**
 * Finds the components for which the cache holds artifacts of other engines and whose files still exist. Missing ones are
 * reported and do not make the command fail.
 */
async function installedFor(
  shell: Shell,
): Promise<{ readonly there: readonly Wanted[]; readonly lost: { readonly gone: number; readonly unknown: number } }> {
  const { components, unknown } = await withCache(shell, (cache) => cache.installed());
  const there: Wanted[] = [];
  for (const { path, meteringMode } of components) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) there.push({ path, digest: undefined, meteringMode });
    else shell.note(printable(`${path} is gone; name the component where it lies now`));
  }
  for (const digest of unknown) shell.note(`${digest} was not read from a file; name the component to make it ready`);
  return { there, lost: { gone: components.length - there.length, unknown: unknown.length } };
}

/** Expands globs. A name without a wildcard stays as it is, so that a missing file is reported by its name. */
async function expand(components: readonly string[]): Promise<Wanted[]> {
  const paths = new Set<string>();
  for (const pattern of components) {
    if (!/[*?[{]/.test(pattern)) paths.add(pattern);
    else for await (const path of glob(pattern)) paths.add(path);
  }
  return [...paths].map((path) => ({ path, digest: undefined }));
}

async function listOf(file: string): Promise<string> {
  return (await readRegular(file, MAX_LIST_BYTES, { links: 'follow' })).toString('utf8');
}

async function listed(shell: Shell, list: string | undefined): Promise<Wanted[]> {
  if (list === undefined) return [];
  let lines: string;
  try {
    lines = await (list === '-' ? text(shell.streams.stdin) : listOf(list));
  } catch (cause) {
    throw new CliError('CLI_USAGE', `--list ${list} cannot be read: ${messageOf(cause)}`, { cause });
  }
  return lines
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const end = line.search(/\s/);
      if (!line.startsWith('sha256:') || end < 0) return { path: line, digest: undefined };
      return { path: line.slice(end).trim(), digest: line.slice(0, end) };
    });
}
