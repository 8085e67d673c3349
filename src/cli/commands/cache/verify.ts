import { Command } from 'commander';
import { checkBundle, checkWorkingTree } from '#system/operations';
import { CliError } from '../../errors.ts';
import { addRemoteOptions, type RemoteFlags, remoteOf } from '../../options/remote-options.ts';
import type { Shell } from '../../shell.ts';
import { transfer } from './transfer.ts';

interface VerifyFlags extends RemoteFlags {
  readonly producer?: string;
  readonly ref: string;
  readonly full?: boolean;
  readonly tree?: string;
}

export function verifyBundleCommand(shell: Shell): Command {
  const command = new Command('verify')
    .description('check that a bundle is there and right, and restore nothing')
    .argument('[path]', 'a bundle’s folder or lockfile; not with --remote')
    .option('--producer <name>', 'whose bundle it is (default: mache, then vivarium)')
    .option('--tree <folder>', 'compare the lockfile with the files of a working tree');
  return addRemoteOptions(command)
    .option('--ref <reference>', 'a tag or a digest in the registry', 'latest')
    .option('--full', 'read every chunk of a registry, not only a sample')
    .addHelpText('after', '\nExit codes: 0 right; 3 absent; 4 damaged; 5 unreachable; 6 unauthorised.')
    .action(shell.action((path: string | undefined, flags: VerifyFlags) => verify(shell, path, flags)));
}

async function verify(shell: Shell, path: string | undefined, flags: VerifyFlags): Promise<void> {
  const { producer, ref, full, tree } = flags;
  const remote = remoteOf(flags);
  if ((path === undefined) === (remote === undefined)) {
    throw new CliError('CLI_USAGE', 'name either a folder or lockfile, or a registry with --remote and --scope');
  }
  if (tree !== undefined && path === undefined)
    throw new CliError('CLI_USAGE', '--tree needs a lockfile to compare with');
  const report = await transfer(shell, (watch) =>
    tree !== undefined && path !== undefined
      ? checkWorkingTree(path, tree, producer)
      : checkBundle({
          ...watch,
          ...(path !== undefined && { path }),
          ...(producer !== undefined && { producer }),
          ...(remote !== undefined && { remote: { ...remote, reference: ref, ...(full && { full }) } }),
        }),
  );
  const facts = Object.entries(report).filter(([, value]) => !Array.isArray(value));
  shell.result(report, facts.map(([name, value]) => `${name}: ${value}`).join('\n'));
}
