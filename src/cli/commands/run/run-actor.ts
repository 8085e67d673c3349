import { messageOf } from '#core/errors';
import { printable } from '#core/text';
import { readRegular } from '#files';
import { createRuntime } from '#system';
import { CliError } from '../../errors.ts';
import { preopensOf, reportAuthority, trustOf } from '../../options/authority.ts';
import { environmentOf } from '../../options/environment.ts';
import { limitsOf } from '../../options/limit-options.ts';
import { runtimeOptionsOf } from '../../options/runtime-options.ts';
import type { Shell } from '../../shell.ts';
import { showing } from '../../terminal/busy-line.ts';
import { InputLines } from '../../terminal/input-lines.ts';
import { usageFigures, usageLine } from '../../terminal/usage.ts';
import { asText } from '../../terminal/utf8-text.ts';
import type { RunFlags } from './run-flags.ts';

/** The largest message or start configuration that is read from a file; by default, a mailbox accepts less. */
const MAX_INPUT_BYTES = 64 * 2 ** 20;

export interface ActorRun {
  /** The component as the command line names it. */
  readonly component: string;
  readonly source: string | Uint8Array;
  readonly args: readonly string[];
  readonly flags: RunFlags;
  /** The start configuration. */
  readonly config: Uint8Array | undefined;
}

/** Loads an actor, sends it messages and prints its replies. */
export async function runActor(shell: Shell, run: ActorRun): Promise<void> {
  const { component, source, args, flags, config } = run;
  if (args.length > 0 && flags.message.length + flags.messageFile.length === 0) {
    shell.line(`${component} is an actor: it has ${args.join(' ')} in its arguments, and messages come by --message`);
  }
  await using runtime = await createRuntime({
    limits: limitsOf(flags),
    ...runtimeOptionsOf(flags, trustOf(component, flags)),
  });
  runtime.on('log', ({ channel, message }) => shell.line(message, `[${channel}] `));
  reportAuthority(shell, runtime);
  const loading = runtime.load(source, {
    env: environmentOf(flags),
    args,
    grants: flags.grant,
    preopens: preopensOf(flags),
    ...(config === undefined ? {} : { config }),
    ...(flags.id === undefined ? {} : { id: flags.id }),
  });
  const handle = await showing(shell, `making ${component} ready`, loading);
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
  // Control characters are shown even in a pipe, because a terminal may be at its end. `--json` prints the exact bytes.
  return printable(text);
}

export async function readInput(file: string): Promise<Uint8Array> {
  try {
    return await readRegular(file, MAX_INPUT_BYTES, { links: 'follow' });
  } catch (cause) {
    throw new CliError('CLI_USAGE', `${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
}
