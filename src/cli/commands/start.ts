import { Command } from 'commander';
import { type ComponentHandle, formatComponentId } from '#core';
import { printable, shownText } from '#core/text';
import { createRuntime, type Runtime } from '#system';
import { type ActorManifest, readManifest } from '#system/operations';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import {
  type AuthorityFlags,
  addAuthorityOptions,
  inManifest,
  preopensOf,
  reportAuthority,
} from '../options/authority.ts';
import { addEngineOptions, type EngineFlags } from '../options/engine-options.ts';
import type { Shell } from '../shell.ts';
import { settleGrants } from '../terminal/ask.ts';
import { InputLines } from '../terminal/input-lines.ts';
import { interrupted } from '../terminal/interrupted.ts';
import { asText } from '../terminal/utf8-text.ts';

interface StartFlags extends AuthorityFlags, EngineFlags {
  readonly to?: string;
}

export function startCommand(shell: Shell): Command {
  const command = new Command('start')
    .description('load actors from their manifests and keep them running')
    .argument('<manifest...>', 'actor.toml files, in the order in which they are started')
    .option('--to <id>', 'the actor that gets the lines of standard input; at its end all are drained and unloaded')
    .addHelpText(
      'after',
      `
What a manifest asks for in \`grants\` it gets where --grant covers it, or where you agree at the terminal. Folders of
--dir are open to all of them, each within its grants.

State changes, restarts, dead letters and log lines go to standard error, replies to standard output; with --json all
go to standard output, each with its "event". Without --to it runs until it is interrupted, or no actor is left.

Examples:
  viv start chat/actor.toml worker/actor.toml
  viv start counter/actor.toml --to demo/counter/1 < messages.txt`,
    );
  return addEngineOptions(addAuthorityOptions(command)).action(
    shell.action((files: readonly string[], flags: StartFlags) => start(shell, files, flags)),
  );
}

async function start(shell: Shell, files: readonly string[], flags: StartFlags): Promise<void> {
  const { to, grant, trust, branchHints } = flags;
  const preopens = preopensOf(flags);
  const manifests = await Promise.all(files.map(readManifest));
  if (to !== undefined && !manifests.some(({ id }) => id === to)) {
    throw new CliError(
      'CLI_USAGE',
      `--to ${to}: no manifest has that id; there are ${manifests.map(({ id }) => id).join(', ')}`,
    );
  }
  using input = new InputLines(shell.streams.stdin);
  await settleGrants(shell, input, manifests, grant);
  await using runtime = await createRuntime({ trust, audit: 'file', branchHints });
  reportAuthority(shell, runtime, inManifest);
  const report = reporter(shell, runtime);
  addSupervisors(runtime, manifests);
  const handles = new Map<string, ComponentHandle>();
  for (const manifest of manifests) handles.set(manifest.id, await load(runtime, manifest, preopens));
  const target = to === undefined ? undefined : handles.get(to);
  const gone = allGone(runtime, handles.size);
  const interrupt = interrupted();
  try {
    const lines = target === undefined ? [] : [sendLines(shell, input, runtime, target, report)];
    await Promise.race([interrupt.promise, gone, ...lines]);
  } finally {
    interrupt.dispose();
  }
  if (live(runtime, handles) === 0) shell.exitCode = EXIT.failed;
  for (const handle of [...handles.values()].toReversed()) {
    if (runtime.state(handle) !== 'stopped') await runtime.unload(handle, { drain: true });
  }
}

function live(runtime: Runtime, handles: ReadonlyMap<string, ComponentHandle>): number {
  return [...handles.values()].filter((handle) => !['stopped', 'failed'].includes(runtime.state(handle))).length;
}

function load(
  runtime: Runtime,
  manifest: ActorManifest,
  preopens: Readonly<Record<string, string>>,
): Promise<ComponentHandle> {
  const { id, component, limits, env, mailbox, supervision, grants } = manifest;
  return runtime.load(component, {
    id,
    limits,
    env,
    mailbox,
    grants,
    preopens,
    ...(supervision === undefined ? {} : { supervision }),
  });
}

/** Adds one supervisor for each name. Actors with the same name share it, and the first such manifest sets its options. */
function addSupervisors(runtime: Runtime, manifests: readonly ActorManifest[]): void {
  const made = new Set<string>();
  for (const { supervision } of manifests) {
    const name = supervision?.supervisor;
    if (name === undefined || made.has(name)) continue;
    const { strategy, maxRestarts, withinMs, backoffMs, maxBackoffMs } = supervision ?? {};
    runtime.addSupervisor(name, { strategy, maxRestarts, withinMs, backoffMs, maxBackoffMs });
    made.add(name);
  }
}

type Report = (event: string, component: string, facts: Readonly<Record<string, unknown>>, text: string) => void;

/** Prints each event on a line: as an object with `--json`, otherwise as text. Control characters in a guest's text are made harmless. */
function reporter(shell: Shell, runtime: Runtime): Report {
  const report: Report = (event, component, facts, text) => {
    if (shell.json) shell.result({ event, time: new Date().toISOString(), component, ...facts }, '');
    else shell.line(text, `${printable(component)}  `);
  };
  const name = (handle: ComponentHandle): string => formatComponentId(handle.id);
  runtime.on('state', ({ handle, from, to, reason }) =>
    report('state', name(handle), { from, to, reason }, `${from} -> ${to}: ${reason}`),
  );
  runtime.on('log', ({ handle, channel, message, context }) => {
    const pairs = context.map(([key, value]) => ` ${key}=${shownText(value, 1_000)}`).join('');
    const facts = { channel, message, context: Object.fromEntries(context) };
    report('log', name(handle), facts, `[${channel}] ${message}${pairs}`);
  });
  runtime.on('restart', ({ handle, restarts, delayMs, reason }) => {
    const text = `restart ${restarts} in ${Math.round(delayMs)} ms, after ${reason.code}`;
    report('restart', name(handle), { restarts, delayMs, code: reason.code, reason: reason.message }, text);
  });
  runtime.on('gave-up', ({ supervisor, reason }) =>
    report('gave-up', supervisor, { code: reason.code, reason: reason.message }, reason.message),
  );
  runtime.on('dead-letter', ({ target, message, reason, error }) => {
    const facts = {
      reason,
      sender: formatComponentId(message.sender),
      bytes: message.payload.length,
      code: error?.code,
    };
    report('dead-letter', formatComponentId(target), facts, `dead letter (${reason}) ${error?.message ?? ''}`);
  });
  return report;
}

async function sendLines(
  shell: Shell,
  input: InputLines,
  runtime: Runtime,
  target: ComponentHandle,
  report: Report,
): Promise<void> {
  const component = formatComponentId(target.id);
  for await (const line of input) {
    try {
      const reply = await runtime.request(target, Buffer.from(line));
      const text = reply === undefined ? undefined : asText(reply);
      const shown = text ?? Buffer.from(reply ?? []).toString('base64');
      shell.result(
        {
          event: 'reply',
          time: new Date().toISOString(),
          component,
          reply: reply === undefined ? null : Buffer.from(reply).toString('base64'),
          replyText: text,
        },
        printable(shown),
      );
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      shell.exitCode = EXIT.failed;
      report('failed', component, { code, message }, `${code}: ${message}`);
      if (runtime.state(target) === 'stopped') return;
    }
  }
}

/** Resolves when every actor has stopped. This includes actors that were unloaded because their supervisor gave up. */
function allGone(runtime: Runtime, actors: number): Promise<void> {
  const gone = new Set<string>();
  return new Promise((resolve) => {
    runtime.on('state', ({ handle, to }) => {
      if (to === 'stopped') gone.add(formatComponentId(handle.id));
      if (gone.size === actors) resolve();
    });
  });
}
