import { stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { isVivariumError, messageOf } from '#core/errors';
import { printable } from '#core/text';
import { createRuntime, type Runtime, systemClock } from '#system';
import { type ActorManifest, buildActor, readManifest } from '#system/operations';
import { type AuthorityFlags, inManifest, preopensOf, reportAuthority } from '../../options/authority.ts';
import type { Shell } from '../../shell.ts';
import { settleGrants } from '../../terminal/ask.ts';
import { InputLines } from '../../terminal/input-lines.ts';
import { watchProject } from '../../terminal/project-watch.ts';
import { Settling } from '../../terminal/settling.ts';
import { asText } from '../../terminal/utf8-text.ts';

export interface DevFlags extends AuthorityFlags {
  readonly world?: string;
  readonly check: boolean;
}

/** The states of an actor whose next version may take its place. */
const REPLACEABLE: ReadonlySet<string> = new Set(['ready', 'handling', 'waiting']);

/** Builds and runs an actor until standard input ends. */
export async function develop(shell: Shell, folder: string, flags: DevFlags): Promise<void> {
  const manifest = await manifestIn(folder);
  using input = new InputLines(shell.streams.stdin);
  if (manifest !== undefined) await settleGrants(shell, input, [manifest], flags.grant);
  await using runtime = await createRuntime({ trust: flags.trust });
  reportAuthority(shell, runtime, manifest === undefined ? undefined : inManifest);
  runtime.on('log', ({ channel, message }) => shell.line(message, `[${channel}] `));
  const actor = new RunningActor(shell, runtime, folder, manifest, flags);
  await actor.begin();
  using settling = new Settling<RunningActor>(systemClock, (changed, file) => {
    shell.note(`${printable(file)} changed`);
    void changed.renew();
  });
  const lost = (error: unknown): void => shell.note(`changes are not seen any more: ${messageOf(error)}`);
  using _watch = watchProject(folder, (file) => settling.changed(actor, file), lost);
  for await (const line of input) await actor.send(line);
  await actor.settled();
}

async function manifestIn(folder: string): Promise<ActorManifest | undefined> {
  const file = join(folder, 'actor.toml');
  return (await stat(file).catch(() => undefined)) === undefined ? undefined : readManifest(file);
}

/** One actor that is rebuilt and replaced under the same id. Builds and messages run one after another. */
class RunningActor {
  readonly #shell: Shell;
  readonly #runtime: Runtime;
  readonly #folder: string;
  readonly #manifest: ActorManifest | undefined;
  readonly #flags: DevFlags;
  #handle: Awaited<ReturnType<Runtime['load']>> | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(shell: Shell, runtime: Runtime, folder: string, manifest: ActorManifest | undefined, flags: DevFlags) {
    this.#shell = shell;
    this.#runtime = runtime;
    this.#folder = folder;
    this.#manifest = manifest;
    this.#flags = flags;
  }

  /**
   * Builds and runs the first version. A later change may mend what cannot be built.
   * @throws {ProjectError} `PROJECT_NOT_FOUND`, because a folder without an actor is most likely the wrong one
   */
  begin(): Promise<void> {
    return this.#renew().catch((error: unknown) => {
      if (isVivariumError(error, 'PROJECT_NOT_FOUND')) throw error;
      this.#report(error);
    });
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
    this.#work = this.#work.then(step).catch((error: unknown) => this.#report(error));
    return this.#work;
  }

  #report(error: unknown): void {
    const exitCode = this.#shell.exitCode;
    this.#shell.fail(error);
    this.#shell.exitCode = exitCode;
  }

  async #renew(): Promise<void> {
    const { check, world } = this.#flags;
    const { file, warnings } = await buildActor(this.#folder, { check, world });
    if (!this.#shell.json) for (const warning of warnings) this.#shell.line(warning);
    const { id = `local/${nameOf(this.#folder)}/1` } = this.#manifest ?? {};
    if (this.#handle !== undefined && REPLACEABLE.has(this.#runtime.state(this.#handle))) {
      // What waits in its mailbox, its topics and its storage are those of the new version.
      await this.#runtime.replace(this.#handle, file);
    } else await this.#load(file, id);
    const shown = relative(process.cwd(), file);
    this.#shell.result({ event: 'running', id, file }, `${shown} runs as ${id}`);
  }

  /** Loads the first version, or one after a version that failed, which nothing can replace. */
  async #load(file: string, id: string): Promise<void> {
    if (this.#handle !== undefined) {
      const failed = this.#handle;
      this.#handle = undefined;
      await this.#runtime.unload(failed).catch((error: unknown) => this.#shell.note(messageOf(error)));
    }
    const { limits, env, grants, mailbox } = this.#manifest ?? {};
    this.#handle = await this.#runtime.load(file, {
      id,
      grants: grants ?? this.#flags.grant,
      preopens: preopensOf(this.#flags),
      ...(limits === undefined ? {} : { limits }),
      ...(env === undefined ? {} : { env }),
      ...(mailbox === undefined ? {} : { mailbox }),
    });
  }
}

function nameOf(folder: string): string {
  const name = (folder.split(sep).at(-1) ?? '').toLowerCase().replace(/[^a-z0-9._-]/g, '-');
  return /^[a-z0-9]/.test(name) ? name.slice(0, 63) : 'actor';
}
