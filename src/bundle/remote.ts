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

/** The place of a bundle in a registry, and how to reach it. */
export interface RemoteOptions {
  /** `https://host` or `http://host:port`, optionally with a path with which all repositories begin. */
  readonly url: string;
  /** `<repo>/<commit>`; with the producer before it, this is the repository's name. */
  readonly scope: string;
  readonly credentials?: Credentials;
  /** Hosts of token servers that may get the credentials, in addition to the registry's own. */
  readonly authHosts?: readonly string[];
  /** How many transfers run at the same time. Default 8. */
  readonly concurrency?: number;
  /** The milliseconds to wait for a silent server. Default 30,000. */
  readonly idleMs?: number;
  /** How to resolve names; by the system by default. */
  readonly resolve?: Resolve;
  /** The proxies to use; none by default. */
  readonly proxies?: ProxyOptions;
  /** PEM of certificate authorities that are trusted in addition to the system's. */
  readonly ca?: string;
}

export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal?: AbortSignal;
}

/** The options of one registry serve push, pull and verify; each takes what it needs. */
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

/** Makes the rule of a registry that needs its url, its scope, and `key`. */
export function remoteWith(key: 'tag' | 'reference'): allow.OptionRule {
  return allow.required(REMOTE, 'url', 'scope', key);
}

export const SURROUNDINGS: allow.OptionRules<Surroundings> = {
  clock: allow.part('now', 'after'),
  random: allow.part('fraction'),
  signal: allow.signal,
};

/** Runs `task` with a client of the producer's repository, and then closes its connections. */
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
