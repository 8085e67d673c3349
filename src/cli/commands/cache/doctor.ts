import { Command } from 'commander';
import { printable } from '#core/text';
import { EXIT } from '../../exit-codes.ts';
import type { Shell } from '../../shell.ts';
import { bytesText } from '../../terminal/bytes-text.ts';
import { counted } from '../../terminal/counted.ts';
import { ProgressBar } from '../../terminal/progress-bar.ts';
import { withCache } from './with-cache.ts';

export function doctorCommand(shell: Shell): Command {
  return new Command('doctor')
    .description('check every entry of the cache and what lies around them')
    .option('--fix', 'mend what can be mended: nothing that could be used is lost')
    .addHelpText('after', '\nExit code 4: something is left wrong.')
    .action(shell.action((flags: { fix?: boolean }) => doctor(shell, flags.fix === true)));
}

async function doctor(shell: Shell, fix: boolean): Promise<void> {
  const bar = new ProgressBar(shell);
  const { findings, ...summary } = await withCache(shell, (cache) =>
    cache.doctor({ fix, onProgress: (done, total) => bar.show(done, total, 'entries checked') }),
  );
  bar.clear();
  for (const finding of findings) {
    const { path, problem, message, remedy, fixed } = finding;
    const mark = fixed ? shell.style('green', 'mended') : shell.style('red', problem);
    const todo = fixed ? '' : `\n  ${remedy}`;
    shell.result({ ...finding }, `${mark}  ${printable(path)}\n  ${printable(message)}${todo}`);
  }
  const { entries, usable, bytes, freeBytes, healthy } = summary;
  const space = freeBytes === undefined ? '' : `, ${bytesText(freeBytes)} free`;
  const health = healthy ? 'nothing is wrong' : 'something is wrong; viv cache doctor --fix mends what it can';
  shell.result(
    { ...summary },
    `${usable} of ${counted(entries, 'entry', 'entries')} can be used, ${bytesText(bytes)}${space}; ${health}`,
  );
  if (!healthy) shell.exitCode = EXIT.refused;
}
