import { watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { Command } from 'commander';
import { messageOf } from '#core/errors';
import { printable } from '#core/text';
import { createRuntime, type Runtime } from '#system';
import { type ActorManifest, buildActor, readManifest } from '#system/operations';
import { type AuthorityFlags, addAuthorityOptions, preopensOf, reportAuthority } from '../options/authority.ts';
import type { Shell } from '../shell.ts';
import { settleGrants } from '../terminal/ask.ts';
import { InputLines } from '../terminal/input-lines.ts';
import { asText } from '../terminal/utf8-text.ts';

interface DevFlags extends AuthorityFlags {
  readonly world?: string;
  readonly check: boolean;
}

/** Milliseconds without a further change before a build, because editors write a file in several steps. */
const SETTLE_MS = 50;
/** Whether changes of a file cause no build: files that the build writes, installed packages and hidden files. */
function isIgnored(file: string): boolean {
  if (file.endsWith('.wasm') || file.endsWith('.wasm.map')) return true;
  return file.split(/[\\/]/).some((part) => part === 'node_modules' || part.startsWith('.'));
}

export function devCommand(shell: Shell): Command {
  const command = new Command('dev')
    .description('build an actor whenever its source changes, and run it')
    .argument('[folder]', "the actor's project", '.')
    .option('--world <name>', 'the world of its wit folder to build', 'guest')
    .option('--no-check', 'do not check types')
    .addHelpText(
      'after',
      `
Every line of standard input is a message to the actor. What its actor.toml asks for in \`grants\` it gets where --grant
covers it, or where you agree at the terminal. A change that cannot be built leaves the actor as it is.`,
    );
  return addAuthorityOptions(command).action(
    shell.action((folder: string, flags: DevFlags) => develop(shell, resolve(folder), flags)),
  );
}

async function develop(shell: Shell, folder: string, flags: DevFlags): Promise<void> {
  const manifest = await manifestIn(folder);
  using input = new InputLines(shell.streams.stdin);
  if (manifest !== undefined) await settleGrants(shell, input, [manifest], flags.grant);
  await using runtime = await createRuntime({ trust: flags.trust });
  reportAuthority(shell, runtime);
  runtime.on('log', ({ channel, message }) => shell.line(message, `[${channel}] `));
  const actor = new RunningActor(shell, runtime, folder, manifest, flags);
  await actor.renew();
  const watcher = watch(folder, { recursive: true }, (_, file) => {
    if (file !== null && !isIgnored(file)) actor.changed(file);
  });
  try {
    for await (const line of input) await actor.send(line);
    await actor.settled();
  } finally {
    watcher.close();
  }
}

async function manifestIn(folder: string): Promise<ActorManifest | undefined> {
  const file = join(folder, 'actor.toml');
  return (await stat(file).catch(() => undefined)) === undefined ? undefined : readManifest(file);
}

/** One actor that is rebuilt and reloaded under the same id. Builds and messages run one after another. */
class RunningActor {
  readonly #shell: Shell;
  readonly #runtime: Runtime;
  readonly #folder: string;
  readonly #manifest: ActorManifest | undefined;
  readonly #flags: DevFlags;
  #handle: Awaited<ReturnType<Runtime['load']>> | undefined;
  #work: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(shell: Shell, runtime: Runtime, folder: string, manifest: ActorManifest | undefined, flags: DevFlags) {
    this.#shell = shell;
    this.#runtime = runtime;
    this.#folder = folder;
    this.#manifest = manifest;
    this.#flags = flags;
  }

  changed(file: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#shell.note(`${printable(file)} changed`);
      void this.renew();
    }, SETTLE_MS);
  }

  renew(): Promise<void> {
    return this.#next(() => this.#renew());
  }

  send(line: string): Promise<void> {
    return this.#next(async () => {
      if (this.#handle === undefined) return this.#shell.note('no actor runs: its source cannot be built');
      const reply = await this.#runtime.request(this.#handle, Buffer.from(line));
      const text = reply === undefined ? undefined : asText(reply);
      const encoded = reply === undefined ? null : Buffer.from(reply).toString('base64');
      this.#shell.result({ event: 'reply', reply: encoded, replyText: text }, printable(text ?? encoded ?? ''));
    });
  }

  settled(): Promise<void> {
    return this.#work;
  }

  /** Runs a step after the steps before it. A failure is printed and does not end `viv dev`, because the next change may mend it. */
  #next(step: () => Promise<void> | void): Promise<void> {
    this.#work = this.#work.then(step).catch((error: unknown) => {
      const exitCode = this.#shell.exitCode;
      this.#shell.fail(error);
      this.#shell.exitCode = exitCode;
    });
    return this.#work;
  }

  async #renew(): Promise<void> {
    const { check, world } = this.#flags;
    const { file, warnings } = await buildActor(this.#folder, { check, world });
    if (!this.#shell.json) for (const warning of warnings) this.#shell.line(warning);
    if (this.#handle !== undefined) {
      const old = this.#handle;
      this.#handle = undefined;
      await this.#runtime.unload(old, { drain: true }).catch((error: unknown) => this.#shell.note(messageOf(error)));
    }
    const { id = `local/${nameOf(this.#folder)}/1`, limits, env, grants, mailbox } = this.#manifest ?? {};
    this.#handle = await this.#runtime.load(file, {
      id,
      grants: grants ?? this.#flags.grant,
      preopens: preopensOf(this.#flags),
      ...(limits === undefined ? {} : { limits }),
      ...(env === undefined ? {} : { env }),
      ...(mailbox === undefined ? {} : { mailbox }),
    });
    const shown = relative(process.cwd(), file);
    this.#shell.result({ event: 'running', id, file }, `${shown} runs as ${id}`);
  }
}

function nameOf(folder: string): string {
  const name = (folder.split(sep).at(-1) ?? '').toLowerCase().replace(/[^a-z0-9._-]/g, '-');
  return /^[a-z0-9]/.test(name) ? name.slice(0, 63) : 'actor';
}
