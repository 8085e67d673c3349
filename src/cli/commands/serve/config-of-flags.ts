import type { Address } from '#core/options';
import { leadsBack, parseRoute, type ServeConfig } from '#server';
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
  const routes = [
    ...(component === undefined ? [] : [{ host: undefined, path: '/', component }]),
    ...flags.route.map(parseRoute),
  ];
  const nextOf = chainsOf(flags.next);
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
    components: namesOf(routes, nextOf).map((source) => ({
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

/** The components that requests reach, by a route or from a middleware. */
function namesOf(
  routes: readonly { readonly component: string }[],
  nextOf: ReadonlyMap<string, string>,
): readonly string[] {
  const names = new Set(routes.map(({ component }) => component));
  // Requests reach the end of a chain through all that are before it.
  for (const name of names) {
    const next = nextOf.get(name);
    if (next !== undefined) names.add(next);
  }
  const unreached = [...nextOf.keys()].find((name) => !names.has(name));
  if (unreached === undefined) return [...names];
  throw new CliError('CLI_USAGE', `--next ${unreached}=…: no --route and no other --next leads to ${unreached}`);
}

/** Each middleware with the component to which it passes requests on. */
function chainsOf(given: readonly string[]): ReadonlyMap<string, string> {
  const nextOf = new Map<string, string>();
  for (const text of given) {
    const at = text.indexOf('=');
    const [name, next] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
    if (name === '' || next === '') {
      throw new CliError(
        'CLI_USAGE',
        `--next ${text}: write a middleware and its next component, as auth.wasm=shop.wasm`,
      );
    }
    if (nextOf.has(name))
      throw new CliError('CLI_USAGE', `--next ${text}: ${name} passes requests on to ${nextOf.get(name)} already`);
    nextOf.set(name, next);
  }
  const circle = [...nextOf.keys()].find((name) => leadsBack(name, nextOf));
  if (circle === undefined) return nextOf;
  throw new CliError('CLI_USAGE', `--next: the requests that ${circle} passes on come back to it`);
}
