import { Command, Option } from 'commander';
import { parseDuration } from '#core/options';
import { printable } from '#core/text';
import { type AuditFilter, openAuditFolder, readAudit, verifyAudit } from '#system/operations';
import { EXIT } from '../exit-codes.ts';
import { reading } from '../options/limit-options.ts';
import type { Shell } from '../shell.ts';
import { counted } from '../terminal/counted.ts';

interface ShowFlags {
  readonly component?: string;
  readonly action?: string;
  readonly outcome?: NonNullable<AuditFilter['outcome']>;
  readonly since?: number;
  readonly follow?: boolean;
}

/** `viv audit`: shows what components were granted and refused, and how they ended. */
export function auditCommand(shell: Shell): Command {
  const command = new Command('audit').description('read and check the audit log');
  command
    .command('show')
    .description('print the records, oldest first')
    .option('--component <id>', 'of this component; a namespace, or namespace/name, takes all below')
    .option('--action <action>', 'of this action: load, grant, fail, storage:read; storage takes all of storage')
    .addOption(new Option('--outcome <outcome>', 'of this outcome').choices(['granted', 'denied', 'done', 'failed']))
    .option('--since <time>', 'of the last while, as 1h', reading(parseDuration))
    .option('--follow', 'go on with what is written from now on')
    .action(shell.action((flags: ShowFlags) => show(shell, flags)));
  command
    .command('verify')
    .description('find lines that were changed, removed or reordered; exit code 4 if there are any')
    .action(
      shell.action(async () => {
        const { lines, files, findings } = await verifyAudit(openAuditFolder());
        for (const finding of findings) {
          const where = finding.file === undefined ? '' : `${finding.file}:${finding.line}: `;
          shell.result({ ...finding }, printable(`${where}${finding.message}`));
        }
        if (findings.length > 0) shell.exitCode = EXIT.refused;
        const verdict = findings.length === 0 ? 'whole' : 'DAMAGED';
        shell.result(
          { lines, files, whole: findings.length === 0 },
          `${counted(lines, 'line')} in ${counted(files, 'file')}: ${verdict}`,
        );
      }),
    );
  return command;
}

async function show(shell: Shell, flags: ShowFlags): Promise<void> {
  const { since, follow, component, action, outcome } = flags;
  const ending = new AbortController();
  const stop = () => ending.abort();
  process.once('SIGINT', stop);
  const filter = { component, action, outcome, since: since === undefined ? undefined : Date.now() - since };
  try {
    const following = follow === true ? { signal: ending.signal } : undefined;
    for await (const record of readAudit(openAuditFolder(), filter, following)) {
      const time = new Date(record.time).toISOString();
      const { target = '', detail = '', count } = record;
      const times = count === undefined ? '' : `x${count}`;
      const columns = [time, record.outcome.padEnd(7), record.component, record.action, target, times, detail].filter(
        (text) => text !== '',
      );
      // A line break in a text that a guest chose must not look like the start of another record.
      shell.result({ ...record, time }, printable(columns.join('  ').replaceAll('\n', '\\n')));
    }
  } finally {
    process.off('SIGINT', stop);
  }
}
