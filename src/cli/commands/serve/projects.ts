import { stat } from 'node:fs/promises';
import type { ServeConfig } from '#server';
import { buildActor } from '#system/operations';
import { CliError } from '../../errors.ts';
import type { Shell } from '../../shell.ts';

/** Builds components whose source is the folder of a TypeScript project. Builds, and what is done with their files, run one at a time. */
export class Projects {
  readonly #shell: Shell;
  readonly #builds: boolean;
  #folders: ReadonlyMap<string, string> = new Map();
  #work: Promise<unknown> = Promise.resolve();
  readonly #stopping = new AbortController();

  /** @param builds whether folders are built; otherwise they are an error */
  constructor(shell: Shell, builds: boolean) {
    this.#shell = shell;
    this.#builds = builds;
  }

  /** The folder of a component's project; undefined for a component that is no project. */
  folderOf(component: string): string | undefined {
    return this.#folders.get(component);
  }

  /**
   * Builds all projects of a configuration and gives `use` the configuration that names the built files.
   * @throws what a build throws, and {CliError} `CLI_USAGE` for a folder that is not to be built
   */
  apply<T>(config: ServeConfig, use: (built: ServeConfig) => Promise<T>): Promise<T> {
    return this.#next(async () => {
      const folders = new Map<string, string>();
      const components: ServeConfig['components'][number][] = [];
      for (const component of config.components) {
        const { name, source } = component;
        if (!(await isFolder(source))) {
          components.push(component);
          continue;
        }
        if (!this.#builds) {
          const message = `${source} is a folder: name the file that viv build makes, or add --watch, which builds it`;
          throw new CliError('CLI_USAGE', message);
        }
        components.push({ ...component, source: await this.#build(source) });
        folders.set(name, source);
      }
      this.#folders = folders;
      return use({ ...config, components });
    });
  }

  /** Builds a component's project again, if it has one, and then calls `use`. @throws what the build or `use` throws */
  renew(component: string, use: () => Promise<void>): Promise<void> {
    return this.#next(async () => {
      const folder = this.folderOf(component);
      if (folder !== undefined) await this.#build(folder);
      await use();
    });
  }

  /** Ends the build that runs. All later ones fail. */
  stop(): void {
    this.#stopping.abort(new Error('viv serve ends'));
  }

  /** Whether builds have been stopped. */
  get areStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #build(folder: string): Promise<string> {
    const { file, warnings } = await buildActor(folder, { check: true, signal: this.#stopping.signal });
    if (!this.#shell.json) for (const warning of warnings) this.#shell.line(warning);
    return file;
  }

  #next<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#work.then(step);
    this.#work = done.catch(() => {});
    return done;
  }
}

async function isFolder(source: string): Promise<boolean> {
  if (/^(registry:|https?:)/.test(source)) return false;
  return (await stat(source).catch(() => undefined))?.isDirectory() === true;
}
