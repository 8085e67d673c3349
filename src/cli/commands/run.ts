import { Command } from 'commander';
import { messageOf } from '#core/errors';
import { printable } from '#core/text';
import { readRegular } from '#files';
import { createRuntime } from '#system';
import { CliError } from '../errors.ts';
import {
  type AuthorityFlags,
  addAuthorityOptions,
  preopensOf,
  reportAuthority,
  trustOf,
} from '../options/authority.ts';
import { collect } from '../options/collect.ts';
import { addEngineOptions, type EngineFlags } from '../options/engine-options.ts';
import { addLimitOptions, type LimitFlags, limitsOf } from '../options/limit-options.ts';
import { addRegistryOptions, componentOf, type RegistryFlags } from '../options/registry-source.ts';
import type { Shell } from '../shell.ts';
import { InputLines } from '../terminal/input-lines.ts';
import { usageFigures, usageLine } from '../terminal/usage.ts';
import { asText } from '../terminal/utf8-text.ts';

/** A message, or what a component is given when it starts; a mailbox takes less by default. */
const MAX_INPUT_BYTES = 64 * 2 ** 20;

interface RunFlags extends LimitFlags, AuthorityFlags, RegistryFlags, EngineFlags {
  readonly message: readonly string[];
  readonly messageFile: readonly string[];
  readonly env: readonly string[];
  readonly config?: string;
  readonly id?: string;
}

export function runCommand(shell: Shell): Command {
  const command = new Command('run')
    .description('load an actor, send it messages, print its replies')
    .argument('<component>', 'the component: a path, registry:ID, or an https: URL with #sha256=…')
    .option('-m, --message <text>', 'a message to send; may be given several times', collect, [])
    .option('-f, --message-file <file>', 'a file whose bytes are a message; may be given several times', collect, [])
    .option('-e, --env <name=value>', 'an environment variable of the component', collect, [])
    .option('--config <file>', 'a file whose bytes the component receives when it starts')
    .option('--id <id>', "the component's id, namespace/name/instance")
    .addHelpText(
      'after',
      `
Without --message and --message-file, every line of standard input is a message.

Examples:
  viv run hello.wasm --message Ada
  viv run counter.wasm --grant 'storage:*:**' --message '{"add":3}'
  viv run counter.wasm --fuel 5000000 --timeout 200ms < messages.txt
  viv run notes.wasm --dir ./notes::/data --grant 'filesystem:*:/data/**' --message list
  viv run hello.wasm --message Ada --json | jq .fuelConsumed`,
    );
  return addEngineOptions(addRegistryOptions(addAuthorityOptions(addLimitOptions(command)))).action(
    shell.action((component: string, flags: RunFlags) => run(shell, component, flags)),
  );
}

async function run(shell: Shell, component: string, flags: RunFlags): Promise<void> {
  const config = flags.config === undefined ? undefined : await readInput(flags.config);
  const env = Object.fromEntries(flags.env.map(parsePair));
  await using runtime = await createRuntime({
    limits: limitsOf(flags),
    ...(flags.maxComponent === undefined ? {} : { maxComponentBytes: flags.maxComponent }),
    trust: trustOf(component, flags),
    audit: 'file',
    branchHints: flags.branchHints,
  });
  runtime.on('log', ({ channel, message }) => shell.line(message, `[${channel}] `));
  reportAuthority(shell, runtime);
  const handle = await runtime.load(await componentOf(component, flags), {
    env,
    grants: flags.grant,
    preopens: preopensOf(flags),
    ...(config === undefined ? {} : { config }),
    ...(flags.id === undefined ? {} : { id: flags.id }),
  });
  for await (const { shown, payload } of messages(shell, flags)) {
    const reply = await runtime.request(handle, payload);
    const figures = usageFigures(runtime.usage(handle));
    const text = reply === undefined ? undefined : asText(reply);
    shell.result(
      {
        message: shown,
        reply: reply === undefined ? null : Buffer.from(reply).toString('base64'),
        ...(text === undefined ? {} : { replyText: text }),
        ...figures,
      },
      replyForPeople(shell, reply, text),
    );
    shell.note(usageLine(figures));
  }
}

async function* messages(shell: Shell, flags: RunFlags): AsyncIterable<{ shown: string; payload: Uint8Array }> {
  for (const text of flags.message) yield { shown: text, payload: Buffer.from(text) };
  for (const file of flags.messageFile) yield { shown: file, payload: await readInput(file) };
  if (flags.message.length > 0 || flags.messageFile.length > 0) return;
  shell.note('every line is a message; end with Ctrl-D');
  using input = new InputLines(shell.streams.stdin);
  for await (const line of input) yield { shown: line, payload: Buffer.from(line) };
}

function replyForPeople(shell: Shell, reply: Uint8Array | undefined, text: string | undefined): string {
  if (reply === undefined) return shell.isTerminal ? shell.style('dim', '(no reply)') : '';
  if (text === undefined) return Buffer.from(reply).toString('base64');
  // In a pipe too, whose end may be a terminal: the exact bytes are in what --json prints.
  return printable(text);
}

function parsePair(pair: string): [string, string] {
  const at = pair.indexOf('=');
  if (at < 1) throw new CliError('CLI_USAGE', `--env ${pair}: write NAME=VALUE`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}

async function readInput(file: string): Promise<Uint8Array> {
  try {
    return await readRegular(file, MAX_INPUT_BYTES, { links: 'follow' });
  } catch (cause) {
    throw new CliError('CLI_USAGE', `${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
}
