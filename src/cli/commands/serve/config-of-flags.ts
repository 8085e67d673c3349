import type { Address } from '#core/options';
import { parseRoute, type ServeConfig } from '#server';
import { CliError } from '../../errors.ts';
import { type AuthorityFlags, preopensOf } from '../../options/authority.ts';
import type { EngineFlags } from '../../options/engine-options.ts';
import { environmentOf } from '../../options/environment.ts';
import type { LimitFlags } from '../../options/limit-options.ts';
import type { RegistryFlags } from '../../options/registry-source.ts';

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
  const routes = [
    ...(component === undefined ? [] : [{ host: undefined, path: '/', component }]),
    ...flags.route.map(parseRoute),
  ];
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
      drainTimeoutMs: flags.drainTimeout,
      expose: flags.expose,
    },
    components: [...new Set(routes.map((route) => route.component))].map((source) => ({
      name: source,
      source,
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
