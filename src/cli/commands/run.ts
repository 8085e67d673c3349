import { Command } from 'commander';
import { exportedWorldOf } from '#system/operations';
import { addAuthorityOptions } from '../options/authority.ts';
import { collect } from '../options/collect.ts';
import { addEngineOptions } from '../options/engine-options.ts';
import { environmentOf } from '../options/environment.ts';
import { addLimitOptions } from '../options/limit-options.ts';
import { addRegistryOptions, componentOf } from '../options/registry-source.ts';
import type { Shell } from '../shell.ts';
import { notRunnable } from './run/not-runnable.ts';
import { readInput, runActor } from './run/run-actor.ts';
import type { RunFlags } from './run/run-flags.ts';
import { runWasiCommand } from './run/run-wasi-command.ts';

export function runCommand(shell: Shell): Command {
  const command = new Command('run')
    .description('run a command to its end, or load an actor, send it messages and print its replies')
    .argument('<component>', 'the component: a path, registry:ID, or an https: URL with #sha256=…')
    .argument('[arguments...]', 'arguments of the component, behind --')
    .option('-m, --message <text>', 'a message to send to an actor; may be given several times', collect, [])
    .option('-f, --message-file <file>', 'a file whose bytes are a message; may be given several times', collect, [])
    .option(
      '-e, --env <name=value>',
      'an environment variable of the component; NAME alone takes that of viv',
      collect,
      [],
    )
    .option('--config <file>', 'a file whose bytes an actor receives when it starts')
    .option('--id <id>', "an actor's id, namespace/name/instance")
    .addHelpText(
      'after',
      `
A command (it exports wasi:cli/run) has the standard streams of viv, and its exit code; a folder that --dir opens for
it may be used without a grant. A budget that is given and used up ends it with 124, an Error that JavaScript throws
with 1, another trap with 134.

An actor is sent every line of standard input, where there is neither --message nor --message-file.

Examples:
  viv run tool.wasm --dir ./data::/data:ro --env LANG=C -- --verbose /data/in.txt < input > output
  viv run hello.wasm --message Ada
  viv run counter.wasm --grant 'storage:*:**' --message '{"add":3}'
  viv run counter.wasm --fuel 5000000 --timeout 200ms < messages.txt
  viv run notes.wasm --dir ./notes::/data --grant 'filesystem:*:/data/**' --message list
  viv run hello.wasm --message Ada --json | jq .fuelConsumed`,
    );
  return addEngineOptions(addRegistryOptions(addAuthorityOptions(addLimitOptions(command)))).action(
    shell.action((component: string, args: readonly string[], flags: RunFlags) => run(shell, component, args, flags)),
  );
}

async function run(shell: Shell, component: string, args: readonly string[], flags: RunFlags): Promise<void> {
  // This call reports wrong usage before anything is read or fetched.
  environmentOf(flags);
  const config = flags.config === undefined ? undefined : await readInput(flags.config);
  const source = await componentOf(component, flags);
  const found = await exportedWorldOf(source, { maxBytes: flags.maxComponent });
  const { world } = found;
  if (world === 'wasi:cli/command') return runWasiCommand(shell, component, source, args, flags);
  if (world === 'vivarium:actor/actor') return runActor(shell, { component, source, args, flags, config });
  throw notRunnable(component, found);
}
