import type { Clock, Random } from '#core';
import { type PullReport, pull } from '../../src/bundle/pull.ts';
import { type PushReport, push } from '../../src/bundle/push.ts';
import type { RemoteOptions } from '../../src/bundle/remote.ts';
import { SqliteSource } from '../../src/bundle/sources/sqlite-source.ts';
import { InstantClock } from './instant-clock.ts';
import type { OciRegistry } from './oci-registry.ts';
import { writeDatabase } from './source-database.ts';
import { temporaryFolder } from './temporary-folder.ts';

export const SCOPE = 'repo/abc';
export const REPOSITORY = `mache/${SCOPE}`;
export const middle: Random = { bytes: (length) => new Uint8Array(length), fraction: () => 0.5 };

type RemoteChange = Partial<
  RemoteOptions & { digestMode: 'sha256' | 'build-cache/v1'; maxManifestBytes: number; mountFrom: string[] }
>;

/** A small bundle on its way to and from a registry. */
export interface BundleFixture extends Disposable {
  readonly clock: Clock & InstantClock;
  at(...parts: string[]): string;
  /** Writes the database that the next push packs. */
  sources(contents: Readonly<Record<string, string | Uint8Array>>): void;
  push(change?: RemoteChange, options?: { dryRun?: boolean; signal?: AbortSignal }): Promise<PushReport>;
  pull(
    target: string,
    change?: RemoteChange & { reference?: string },
    options?: { signal?: AbortSignal },
  ): Promise<PullReport>;
}

export function bundleFixture(registry: Pick<OciRegistry, 'url'>): BundleFixture {
  const folder = temporaryFolder();
  const clock = new InstantClock();
  const remote = { url: registry.url, scope: SCOPE, tag: 'latest' };
  let databases = 0;
  return {
    clock,
    at: folder.at,
    sources(contents) {
      databases++;
      const sources = Object.entries(contents).map(([path, content]) => ({
        id: path,
        path,
        language: 'go',
        content: new Uint8Array(Buffer.from(content)),
      }));
      writeDatabase(folder.at(`${databases}.db`), { sources });
    },
    async push(change = {}, options = {}) {
      const source = await SqliteSource.open({ path: folder.at(`${databases}.db`), producerVersion: '1' });
      try {
        return await push({
          source,
          folder: folder.at('packed'),
          remote: { ...remote, ...change },
          clock,
          random: middle,
          ...options,
        });
      } finally {
        await source.close();
      }
    },
    pull: (target, { reference = 'latest', ...change } = {}, options = {}) =>
      pull({
        producer: 'mache',
        folder: folder.at(target),
        remote: { ...remote, ...change, reference },
        clock,
        random: middle,
        ...options,
      }),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}
