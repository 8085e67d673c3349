import { Command, Option } from 'commander';
import { printable } from '#core/text';
import { pullBundle } from '#system/operations';
import { addRemoteOptions, type RemoteFlags, remoteOf } from '../../options/remote-options.ts';
import type { Shell } from '../../shell.ts';
import { bytesText } from '../../terminal/bytes-text.ts';
import { counted } from '../../terminal/counted.ts';
import { transfer } from './transfer.ts';

interface PullFlags extends RemoteFlags {
  readonly outDb?: string;
  readonly producer?: string;
  readonly ref: string;
  readonly force?: boolean;
  readonly verify: 'true' | 'false';
  readonly trust: 'any' | 'signed';
}

export function pullCommand(shell: Shell): Command {
  const command = new Command('pull')
    .description('fetch a bundle from a registry, and restore it to a source database or the artifact cache')
    .argument('[folder]', 'the bundle; with --remote it is filled, or need not be named')
    .option('--out-db <file>', 'the database to be made; without it, the artifact cache is filled')
    .option('--producer <name>', 'whose bundle it is (default: mache with --out-db, else vivarium)')
    .option('--force', 'replace a database that is there')
    .addOption(
      new Option(
        '--verify <boolean>',
        'false: believe the folder’s chunks instead of hashing them (never of a registry)',
      )
        .choices(['true', 'false'])
        .default('true'),
    )
    .addOption(
      new Option('--trust <what>', 'signed: refuse a bundle that no trusted key signed')
        .choices(['any', 'signed'])
        .default('any'),
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 done; 3 absent; 4 damaged, refused or not signed; 5 unreachable; 6 unauthorised.',
    );
  return addRemoteOptions(command)
    .option('--ref <reference>', 'a tag or a digest in the registry', 'latest')
    .action(shell.action((folder: string | undefined, flags: PullFlags) => pull(shell, folder, flags)));
}

async function pull(shell: Shell, folder: string | undefined, flags: PullFlags): Promise<void> {
  const { outDb, producer, ref, force, verify, trust } = flags;
  const remote = remoteOf(flags);
  const report = await transfer(shell, (watch) =>
    pullBundle({
      ...watch,
      verify: verify === 'true',
      trust,
      ...(outDb !== undefined && { database: outDb }),
      ...(folder !== undefined && { folder }),
      ...(producer !== undefined && { producer }),
      ...(force !== undefined && { force }),
      ...(remote !== undefined && { remote: { ...remote, reference: ref } }),
    }),
  );
  const { lockfile, rootChecked, fetched, restored, artifacts, signers } = report;
  const lines = [];
  if (fetched !== undefined) {
    lines.push(
      `${fetched.fetched} of ${counted(fetched.chunks, 'chunk')} fetched (${bytesText(fetched.bytesFetched)})`,
    );
  }
  if (restored !== undefined)
    lines.push(`${counted(restored.chunks, 'source')} restored, ${bytesText(restored.bytes)}`);
  if (artifacts !== undefined) {
    const { imported, rebuilt, otherEngines, untrusted } = artifacts;
    lines.push(`${counted(imported, 'artifact')} taken, ${rebuilt} built here, ${otherEngines} for other engines`);
    for (const path of untrusted) shell.line(`no trusted key signed ${printable(path)}`);
  }
  if (!rootChecked) lines.push(`the root was not checked: ${lockfile.meta.producer} has a rule of its own for it`);
  const by = signers?.map(({ name, keyId }) => ({ name, keyId }));
  if (by !== undefined) lines.push(`signed by ${by.map(({ name }) => name).join(', ')}`);
  const { lockfile: _, signers: __, ...fetch } = fetched ?? {};
  shell.result(
    {
      producer: lockfile.meta.producer,
      root: lockfile.root,
      rootChecked,
      ...(by !== undefined && { signers: by }),
      ...(fetched !== undefined && { fetched: fetch }),
      ...(restored !== undefined && { restored: { ...restored } }),
      ...(artifacts !== undefined && { artifacts: { ...artifacts } }),
    },
    lines.join('\n'),
  );
}
