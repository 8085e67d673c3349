import type { Clock, Random } from '#core';
import type { Resolve } from './oci/address-rule.ts';
import type { Credentials } from './oci/credentials.ts';
import { RegistryClient } from './oci/registry-client.ts';
import { repositoryOf } from './oci/repository.ts';

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
}

export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal?: AbortSignal;
}

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
