import { allow } from '#core/options';
import type { Clock } from '#core/ports/clock';
import type { Random } from '#core/ports/random';
import type { Resolve } from './oci/address-rule.ts';
import type { Credentials } from './oci/credentials.ts';
import { PROXIES, type ProxyOptions } from './oci/proxies.ts';
import type { RemotePullOptions } from './oci/pull.ts';
import type { RemotePushOptions } from './oci/push.ts';
import { RegistryClient } from './oci/registry-client.ts';
import { repositoryOf } from './oci/repository.ts';
import type { RemoteVerifyOptions } from './oci/verify.ts';

/** Where and how a bundle lies in a registry. */
export interface RemoteOptions {
  /** `https://host` or `http://host:port`, perhaps with a path that all repositories begin with. */
  readonly url: string;
  /** `<repo>/<commit>`: with the producer before it, the repository's name. */
  readonly scope: string;
  readonly credentials?: Credentials;
  /** Hosts of token servers, beside the registry's own, that may have the credentials. */
  readonly authHosts?: readonly string[];
  /** How many transfers run at the same time. Default 8. */
  readonly concurrency?: number;
  /** How long a silent server is waited for, in milliseconds. Default 30,000. */
  readonly idleMs?: number;
  /** How names become addresses; the system's way by default. */
  readonly resolve?: Resolve;
  /** Proxies that lead to it; none by default. */
  readonly proxies?: ProxyOptions;
  /** PEM of certificate authorities that are trusted beside the system's. */
  readonly ca?: string;
}

export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal?: AbortSignal;
}

/** One registry's options may serve push, pull and verify alike: each takes what it needs. */
type AnyRemote = RemoteOptions &
  Pick<RemotePushOptions, 'tag' | 'digestMode' | 'maxManifestBytes' | 'mountFrom'> &
  Pick<RemotePullOptions, 'reference' | 'maxChunkBytes'> &
  Pick<RemoteVerifyOptions, 'full'>;

const REMOTE: allow.OptionRules<AnyRemote> = {
  url: allow.text,
  scope: allow.text,
  credentials: allow.anything,
  authHosts: allow.listOf(allow.text),
  concurrency: allow.wholeNumber(1),
  idleMs: allow.period,
  resolve: allow.func,
  proxies: allow.options(PROXIES),
  ca: allow.text,
  tag: allow.text,
  digestMode: allow.oneOf('sha256', 'build-cache/v1'),
  maxManifestBytes: allow.wholeNumber(1),
  mountFrom: allow.listOf(allow.text),
  reference: allow.text,
  maxChunkBytes: allow.wholeNumber(1),
  full: allow.flag,
};

/** The rule of a registry that is named with its url, its scope, and `key`. */
export function remoteWith(key: 'tag' | 'reference'): allow.OptionRule {
  return allow.required(REMOTE, 'url', 'scope', key);
}

export const SURROUNDINGS: allow.OptionRules<Surroundings> = {
  clock: allow.part('now', 'after'),
  random: allow.part('fraction'),
  signal: allow.signal,
};

/** Runs `task` with a client of the producer's repository, and closes its connections. */
export async function withRemote<Result>(
  { url, scope, ...options }: RemoteOptions,
  producer: string,
  { clock, random, signal }: Surroundings,
  task: (client: RegistryClient) => Promise<Result>,
): Promise<Result> {
  const repository = repositoryOf(url, producer, scope);
  const client = new RegistryClient({ repository, clock, random, ...options, ...(signal !== undefined && { signal }) });
  try {
    return await task(client);
  } finally {
    await client.close();
  }
}
