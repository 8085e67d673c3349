import { existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { printable } from '#core/text';
import { type Deployment, readConfig, type ServeConfig } from '#server';
import { systemClock } from '#system';
import type { Shell } from '../../shell.ts';
import { FolderWatch } from '../../terminal/folder-watch.ts';
import { watchProject } from '../../terminal/project-watch.ts';
import { Settling } from '../../terminal/settling.ts';
import { logFailure } from './logging.ts';
import type { Projects } from './projects.ts';

/** What a configuration that is read again does. */
export interface Reload {
  /** The configuration as the file said at the start. */
  readonly started: ServeConfig;
  /** @throws for a configuration that cannot take effect, before anything of it has */
  readonly check: (config: ServeConfig) => void;
  /** Makes what runs as a configuration says. */
  readonly apply: Deployment['apply'];
  /** Called with a configuration that took effect. */
  readonly applied: (config: ServeConfig) => void;
}

/** Makes a function that reads the configuration again and has it take effect. Reloads run one at a time. What fails is printed. */
export function reloading(shell: Shell, file: string, { started, check, apply, applied }: Reload): () => Promise<void> {
  const reload = async (): Promise<void> => {
    try {
      const config = await readConfig(file);
      check(config);
      const changes = await apply(config);
      for (const { component, change, error } of changes) {
        if (error !== undefined) logFailure(shell, 'kept', { component }, error, `${component} stays as it is`);
        else if (change !== 'kept') shell.result({ event: change, component }, `${change} ${printable(component)}`);
      }
      applied(config);
      for (const key of needingStart(started, config)) {
        shell.result(
          { event: 'needs-start', key },
          `${key} has changed, which only takes effect when the server is started again`,
        );
      }
      shell.result({ event: 'reloaded', file }, `reloaded ${printable(file)}`);
    } catch (error) {
      logFailure(shell, 'reload-failed', { file }, error, 'all stays as it is');
    }
  };
  let last: Promise<void> = Promise.resolve();
  return () => {
    last = last.then(reload);
    return last;
  };
}

/** The tables of a configuration that differ from those of the start in what only a start reads. */
function needingStart(started: ServeConfig, config: ServeConfig): readonly string[] {
  const keys: readonly (readonly [string, (config: ServeConfig) => unknown])[] = [
    ['server', ({ server: { tls: _, ...rest } }) => rest],
    ['management', ({ management }) => management && [management.host, management.port]],
    ['tokens', ({ tokens = [] }) => tokens.length > 0],
  ];
  return keys.flatMap(([key, of]) => (JSON.stringify(of(config)) === JSON.stringify(of(started)) ? [] : [key]));
}

/** Watches the files of components. */
export interface SourceWatch extends Disposable {
  /** Watches the files of another configuration instead. */
  readonly follow: (config: ServeConfig) => void;
}

/**
 * Replaces a component whenever its file changes, or a source of its project, which is built first. A failure is printed, and the old
 * version keeps running.
 */
export function watchSources(
  shell: Shell,
  deployment: Deployment,
  projects: Projects,
  first: ServeConfig,
): SourceWatch {
  let watchers: readonly FolderWatch[] = [];
  const replace = async (name: string): Promise<void> => {
    try {
      await projects.renew(name, () => deployment.replace(name));
      shell.result({ event: 'replaced', component: name }, `replaced ${printable(name)}`);
    } catch (error) {
      if (projects.areStopped) return;
      logFailure(shell, 'kept', { component: name }, error, `${name} stays as it is`);
    }
  };
  const settling = new Settling(systemClock, (name: string, file) => {
    shell.note(`${printable(file)} changed`);
    void replace(name);
  });
  const stop = (): void => {
    for (const watcher of watchers) watcher[Symbol.dispose]();
    settling[Symbol.dispose]();
  };
  const follow = ({ components }: ServeConfig): void => {
    stop();
    const files = components.filter(({ source }) => !/^(registry:|https?:)/.test(source));
    watchers = files.map(({ name, source }) => {
      const folder = projects.folderOf(name);
      const changed = (file: string): void => settling.changed(name, file);
      const lost = (error: unknown): void =>
        logFailure(shell, 'unwatched', { component: name }, error, `changes of ${name} are not seen any more`);
      if (folder !== undefined) return watchProject(folder, changed, lost);
      const file = basename(source);
      // The folder is watched because programs often replace a file by another one, which a watch of the file itself would miss.
      return new FolderWatch(dirname(source), {
        changed: (each) => {
          if (each === file) changed(file);
        },
        replaced: () => {
          if (existsSync(source)) changed(file);
        },
        lost,
      });
    });
  };
  follow(first);
  return { follow, [Symbol.dispose]: stop };
}
