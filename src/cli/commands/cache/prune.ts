import { Command } from 'commander';
import { parseBytes, parseDuration } from '#core/options';
import { printable } from '#core/text';
import { EXIT } from '../../exit-codes.ts';
import type { Shell } from '../../shell.ts';
import { bytesText } from '../../terminal/bytes-text.ts';
import { counted } from '../../terminal/counted.ts';
import { withCache } from './with-cache.ts';

interface PruneFlags {
  readonly maxBytes?: string;
  readonly maxAge?: string;
  readonly keepProfile: readonly string[];
  readonly dryRun?: boolean;
}

export function pruneCommand(shell: Shell): Command {
  return new Command('prune')
    .description('delete entries: other engines’ first, the least recently used first')
    .option('--max-bytes <size>', 'what may be left, as 500MiB; 4 GiB by default')
    .option('--max-age <time>', 'delete what was not used for this long, as 30d')
    .option('--keep-profile <id>', 'leave the entries of this engine profile; may be given several times', collect, [])
    .option('--dry-run', 'say what would go, delete nothing')
    .action(shell.action((flags: PruneFlags) => prune(shell, flags)));
}

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

async function prune(shell: Shell, flags: PruneFlags): Promise<void> {
  const { removed, failed, ...summary } = await withCache(shell, (cache) =>
    cache.pruneDisk({
      maxBytes: flags.maxBytes === undefined ? undefined : parseBytes(flags.maxBytes),
      maxAge: flags.maxAge === undefined ? undefined : parseDuration(flags.maxAge),
      keepProfiles: flags.keepProfile,
      dryRun: flags.dryRun === true,
    }),
  );
  const verb = summary.dryRun ? 'would delete' : 'deleted';
  for (const entry of removed) {
    const used = new Date(entry.lastUsedAt).toISOString();
    shell.result({ ...entry }, `${verb} ${entry.wasmDigest}, ${bytesText(entry.bytes)}, last used ${used}`);
  }
  for (const failure of failed) {
    shell.result({ ...failure }, `${shell.style('red', 'left')} ${printable(`${failure.path}: ${failure.reason}`)}`);
  }
  const { removedBytes, keptEntries, keptBytes } = summary;
  shell.result(
    { removed: removed.length, failed: failed.length, ...summary },
    `${verb} ${counted(removed.length, 'entry', 'entries')}, ${bytesText(removedBytes)}; ${keptEntries} ${keptEntries === 1 ? 'is' : 'are'} left, ${bytesText(keptBytes)}`,
  );
  if (failed.length > 0) shell.exitCode = EXIT.failed;
}
