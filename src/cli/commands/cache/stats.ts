import { Command } from 'commander';
import type { Shell } from '../../shell.ts';
import { bytesText } from '../../terminal/bytes-text.ts';
import { counted } from '../../terminal/counted.ts';
import { withCache } from './with-cache.ts';

export function statsCommand(shell: Shell): Command {
  return new Command('stats')
    .description('show what the cache holds, by engine')
    .action(shell.action(() => withCache(shell, async (cache) => stats(shell, await cache.survey()))));
}

type Survey = Awaited<ReturnType<Parameters<Parameters<typeof withCache>[1]>[0]['survey']>>;

function stats(shell: Shell, survey: Survey): void {
  const lines = survey.profiles.map(({ engineProfileId, engine, own, entries, bytes, hits, lastUsedAt }) => {
    const used = lastUsedAt === undefined ? 'never' : new Date(lastUsedAt).toISOString();
    const name = `${engine ?? 'an engine that nothing describes'}${own ? ', this engine' : ''}`;
    return `${name}\n  ${counted(entries, 'entry', 'entries')}, ${bytesText(bytes)}, ${counted(hits, 'hit')}, last used ${used}\n  ${shell.style('dim', engineProfileId)}`;
  });
  const sum = `${counted(survey.entries, 'entry', 'entries')}, ${bytesText(survey.bytes)} in ${survey.root}`;
  shell.result({ ...survey }, [...lines, sum].join('\n'));
}
