import type { Random } from '#core/ports/random';
import type { Signer, TrustedKeys } from '#security/signers';
import { type PullReport, pull } from '../../src/bundle/pull.ts';
import { type PushReport, push } from '../../src/bundle/push.ts';
import type { RemoteOptions } from '../../src/bundle/remote.ts';
import type { BundleSource } from '../../src/bundle/sources/bundle-source.ts';
import { TestClock } from '../../src/testing/clock.ts';
import type { OciRegistry } from './oci-registry.ts';
import { temporaryFolder } from './temporary-folder.ts';

export const SCOPE = 'repo/abc';
export const REPOSITORY = `mache/${SCOPE}`;
export const middle: Random = { bytes: (length) => new Uint8Array(length), fraction: () => 0.5 };

type RemoteChange = Partial<
  RemoteOptions & { digestMode: 'sha256' | 'build-cache/v1'; maxManifestBytes: number; mountFrom: string[] }
>;

/** A small bundle on its way to and from a registry. */
export interface BundleFixture extends Disposable {
  readonly clock: TestClock;
  at(...parts: string[]): string;
  /** What the next push packs, in the order of the paths. Databases have tests of their own, and take a process each. */
  sources(contents: Readonly<Record<string, string | Uint8Array>>): void;
  push(change?: RemoteChange, options?: { dryRun?: boolean; signal?: AbortSignal; sign?: Signer }): Promise<PushReport>;
  pull(
    target: string,
    change?: RemoteChange & { reference?: string },
    options?: { signal?: AbortSignal; trust?: TrustedKeys },
  ): Promise<PullReport>;
}

export function bundleFixture(registry: Pick<OciRegistry, 'url'>): BundleFixture {
  const folder = temporaryFolder();
  const clock = TestClock.atOnce(30_000);
  const remote = { url: registry.url, scope: SCOPE, tag: 'latest' };
  let contents: Readonly<Record<string, string | Uint8Array>> = {};
  return {
    clock,
    at: folder.at,
    sources(next) {
      contents = next;
    },
    push: (change = {}, options = {}) =>
      push({
        source: sourceOf(contents),
        folder: folder.at('packed'),
        remote: { ...remote, ...change },
        clock,
        random: middle,
        ...options,
      }),
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

function sourceOf(contents: Readonly<Record<string, string | Uint8Array>>): BundleSource {
  const paths = Object.keys(contents).toSorted();
  return {
    producer: 'mache',
    producerVersion: '1',
    inputProcessors: [{ kind: 'blake3', version: '1.5.0' }],
    leftOut: [],
    count: async () => paths.length,
    async *sources() {
      for (const path of paths) yield { path, kind: 'go-source', chunk: Buffer.from(contents[path] ?? '') };
    },
    topology: () => [],
    close: async () => undefined,
  };
}
