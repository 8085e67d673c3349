import type { Address } from '#core/options';
import { parseRoute, type ServeConfig } from '#server';
import { CliError } from '../../errors.ts';
import { type AuthorityFlags, preopensOf } from '../../options/authority.ts';
import type { EngineFlags } from '../../options/engine-options.ts';
import { environmentOf } from '../../options/environment.ts';
import type { LimitFlags } from '../../options/limit-options.ts';
import type { RegistryFlags } from '../../options/registry-source.ts';
import { chainsOf, Sources } from './chains-of-flags.ts';

export interface ServeFlags extends AuthorityFlags, EngineFlags, LimitFlags, RegistryFlags {
  readonly addr: Address;
  readonly route: readonly string[];
  readonly env: readonly string[];
  readonly store?: 'per-call' | 'per-actor';
  readonly concurrency: number;
  readonly maxConcurrent?: number;
  readonly maxQueued: number;
  readonly headerTimeout: number;
  readonly bodyTimeout: number;
  readonly next: readonly string[];
  readonly drainDelay: number;
  readonly drainTimeout: number;
  readonly expose?: true;
  readonly watch?: true;
}

/** Makes the configuration that the command line describes. A component that several routes name is loaded once. */
export function configOf(component: string | undefined, flags: ServeFlags): ServeConfig {
  const { maxConcurrent, maxQueued, grant, concurrency } = flags;
  const { store = concurrency > 1 ? 'per-actor' : 'per-call' } = flags;
  if (store !== 'per-call' && store !== 'per-actor') {
    throw new CliError('CLI_USAGE', `--store ${store}: write per-call or per-actor`);
  }
  const sources = new Sources();
  const routes = [
    ...(component === undefined ? [] : [{ host: undefined, path: '/', component }]),
    ...flags.route.map(parseRoute),
  ].map((route) => ({ ...route, component: sources.add(route.component) }));
  const nextOf = chainsOf(flags.next, sources);
  const options = {
    grants: grant,
    preopens: preopensOf(flags),
    env: environmentOf(flags),
    store,
    concurrency,
    requests: { ...(maxConcurrent === undefined ? {} : { maxConcurrent }), maxQueued },
  };
  return {
    server: {
      ...flags.addr,
      headersTimeoutMs: flags.headerTimeout,
      requestTimeoutMs: flags.bodyTimeout,
      drainDelayMs: flags.drainDelay,
      drainTimeoutMs: flags.drainTimeout,
      expose: flags.expose,
    },
    components: sources.names.map((source) => ({
      name: source,
      source,
      next: nextOf.get(source),
      options,
      secrets: [],
    })),
    routes: routes.map(({ host, path, component }) => ({
      component,
      hosts: host === undefined ? [] : [host],
      paths: [path],
      methods: [],
    })),
    tokens: [],
  };
}
