import { Command, Option } from 'commander';
import { printable } from '#core/text';
import { pushBundle } from '#system/operations';
import { addRemoteOptions, type RemoteFlags, remoteOf } from '../../options/remote-options.ts';
import type { Shell } from '../../shell.ts';
import { bytesText } from '../../terminal/bytes-text.ts';
import { counted } from '../../terminal/counted.ts';
import { transfer } from './transfer.ts';

interface PushFlags extends RemoteFlags {
  readonly db?: string;
  readonly sourceRoot?: string;
  readonly producer?: string;
  readonly tag: string;
  readonly digestMode: 'sha256' | 'build-cache/v1';
  readonly mountFrom?: readonly string[];
  readonly component?: readonly string[];
  readonly key?: string;
  readonly sign?: string;
  readonly strict?: boolean;
  readonly dryRun?: boolean;
}

const MODES = ['sha256', 'build-cache/v1'] as const;

export function pushCommand(shell: Shell): Command {
  const command = new Command('push')
    .description('pack a source database, or the artifact cache, and send it to a registry')
    .argument('[folder]', 'where the bundle is packed; not needed with --remote')
    .option('--db <file>', 'the source database; without it, the artifact cache is packed')
    .option('--source-root <folder>', 'where sources without content are read from')
    .option('--producer <name>', 'whose bundle it is (default: mache with --db, else vivarium)')
    .option('--component <file...>', 'components to carry beside their artifacts')
    .option('--key <name>', 'signs the artifacts, for machines that trust this key')
    .option('--sign <key>', 'signs the bundle as a whole, for pull --trust signed')
    .option('--strict', 'refuse a source of which something would be left out')
    .option('--dry-run', 'say what would be written and sent, and do neither');
  return addRemoteOptions(command)
    .option('--tag <tag>', 'the tag in the registry', 'latest')
    .addOption(new Option('--digest-mode <mode>', 'what the registry’s digests are').choices(MODES).default(MODES[0]))
    .option('--mount-from <repository...>', 'other repositories of the registry that may have the chunks')
    .action(shell.action((folder: string | undefined, flags: PushFlags) => push(shell, folder, flags)));
}

async function push(shell: Shell, folder: string | undefined, flags: PushFlags): Promise<void> {
  const { db, sourceRoot, producer, tag, digestMode, mountFrom, component, key, sign, strict, dryRun } = flags;
  const remote = remoteOf(flags);
  const report = await transfer(shell, (watch) =>
    pushBundle({
      ...watch,
      ...(db !== undefined && { database: db }),
      ...(sourceRoot !== undefined && { sourceRoot }),
      ...(folder !== undefined && { folder }),
      ...(producer !== undefined && { producer }),
      ...(strict !== undefined && { strict }),
      ...(dryRun !== undefined && { dryRun }),
      ...(component !== undefined && { components: component }),
      ...(key !== undefined && { key }),
      ...(sign !== undefined && { sign }),
      ...(remote !== undefined && { remote: { ...remote, tag, digestMode, ...(mountFrom && { mountFrom }) } }),
    }),
  );
  const { chunks, chunksAdded, bytes, bytesAdded, leftOut, lockfile } = report.packed;
  for (const what of leftOut) shell.line(`left out: ${printable(what)}`);
  const sent = report.remote;
  const would = report.dryRun ? 'would be ' : '';
  const lines = [
    `${counted(chunks, 'source')}, ${bytesText(bytes)}${folder === undefined ? '' : `; ${counted(chunksAdded, 'chunk')} (${bytesText(bytesAdded)}) ${would}added to ${folder}`}`,
  ];
  if (sent !== undefined) {
    const what = sent.unchanged
      ? 'was there already'
      : `${counted(sent.sent, 'blob')} (${bytesText(sent.bytesSent)}) ${would}sent${sent.mounted > 0 ? `, ${sent.mounted} mounted` : ''}`;
    lines.push(`${sent.repository}:${sent.tag} ${what}\n${shell.style('dim', sent.digest)}`);
  }
  if (sign !== undefined) {
    const place = sent?.signed === false ? 'was signed already' : `${would === '' ? 'signed' : 'would be signed'}`;
    lines.push(`${place} by ${sign}`);
  }
  const packed = { chunks, chunksAdded, bytes, bytesAdded, leftOut };
  const { producer: by } = lockfile.meta;
  shell.result(
    {
      producer: by,
      root: lockfile.root,
      ...packed,
      dryRun: report.dryRun,
      ...(sign !== undefined && { signedBy: sign }),
      ...(folder !== undefined && { folder }),
      ...(sent !== undefined && { remote: { ...sent } }),
    },
    lines.join('\n'),
  );
}
