import { createHash } from 'node:crypto';
import { type ComponentHandle, formatComponentId } from '#core';
import { isVivariumError, messageOf } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import { streamRegular } from '#files';
import { type ComponentSettings, lastFirst, leadsBack, reached, type ServeConfig } from '#server/config';
import {
  isFull,
  type LoadOptions,
  problemOf,
  type ReplaceOptions,
  type Runtime,
  serveExchange,
  systemClock,
  type UnloadOptions,
} from '#system';
import { ServerError } from './errors.ts';
import type { Target } from './http-server.ts';
import { RefusedCounts, type RefusedRequests } from './refused-counts.ts';
import type { RequestHead } from './request-head.ts';
import { Routes, routesOf } from './routes.ts';

/** What happened to one component when a configuration was applied. */
export interface DeploymentChange {
  readonly component: string;
  readonly change: 'loaded' | 'replaced' | 'unloaded' | 'kept';
  /** Why a changed component kept its old version. */
  readonly error?: unknown;
}

/** Who is told of requests that middleware passes on and that the next component does not take. Nobody is by default. */
export interface DeploymentOptions {
  /** Called a second after such a request was refused because that component had all that it may have, with how many were meanwhile. */
  readonly onRefused?: ((refused: RefusedRequests) => void) | undefined;
  /** Called for each such request to a component that cannot answer, because it failed or is gone. */
  readonly onError?: ((error: unknown, component: string) => void) | undefined;
  /** Measures that second; the machine's clock by default. */
  readonly clock?: Pick<Clock, 'after'> | undefined;
}

interface Deployed {
  readonly settings: ComponentSettings;
  readonly handle: ComponentHandle;
  /** The digest of the source's bytes; undefined for a source that is no file. */
  readonly digest: string | undefined;
}

/** Milliseconds for the requests of a component that is unloaded, and of an old version, unless its settings say another time. */
const DRAIN_MS = 30_000;

/** Keeps what runs as a configuration says, and finds the component of each request. Configurations are applied one at a time. */
export class Deployment {
  readonly #runtime: Runtime;
  readonly #refused: RefusedCounts;
  readonly #onError: DeploymentOptions['onError'];
  readonly #supervisors = new Set<string>();
  /** All components that are loaded: those of the configuration, those that are being unloaded, and those that others still need. */
  readonly #deployed = new Map<string, Deployed>();
  /** Where requests go, by the names of components. */
  #routes: Routes<string> = new Routes<string>([]);
  #applying: Promise<unknown> = Promise.resolve();

  constructor(runtime: Runtime, { onRefused, onError, clock = systemClock }: DeploymentOptions = {}) {
    this.#runtime = runtime;
    this.#onError = onError;
    this.#refused = new RefusedCounts(clock, onRefused);
  }

  /** The handles of all components by their names. */
  get handles(): ReadonlyMap<string, ComponentHandle> {
    return new Map([...this.#deployed].map(([name, { handle }]) => [name, handle]));
  }

  /** Tells at once of the requests that were refused since the last time. */
  tellRefused(): void {
    this.#refused.tell();
  }

  /** Finds the component that answers a request; the host itself answers if there is none. */
  find(head: RequestHead): Target {
    const found = this.#routes.find(head);
    if (found === undefined) return { web: () => new Response(null, { status: 404 }) };
    if ('allow' in found) return { web: () => new Response(null, { status: 405, headers: { allow: found.allow } }) };
    this.#adopt(found.target);
    const target = (this.#deployed.get(found.target) as Deployed).handle;
    const component = formatComponentId(target.id);
    return {
      component,
      isFull: () => isFull(this.#runtime, target),
      serve: (exchange) => serveExchange(this.#runtime, target, exchange),
    };
  }

  /**
   * Loads new components, replaces those whose settings or bytes have changed, and then switches the routes. Components that are no
   * longer named are unloaded after their requests. If a new component cannot be loaded, nothing changes. A component whose new
   * version fails keeps its old one, and the result says why. So does one whose `next` would lead back to it over such a component, and
   * one that is no longer named while such a component passes requests on to it.
   * @throws what `Runtime.load` throws, and {ServerError} `SERVER_INVALID_ROUTE`
   */
  apply(config: ServeConfig): Promise<readonly DeploymentChange[]> {
    const applied = this.#applying.then(() => this.#apply(config));
    this.#applying = applied.catch(() => {});
    return applied;
  }

  /** Replaces one component by what its source now is. @throws what `Runtime.replace` throws */
  replace(name: string): Promise<void> {
    const replaced = this.#applying.then(async () => {
      const old = this.#deployed.get(name);
      if (old === undefined) return;
      const { source } = old.settings;
      const digest = await digestOf(source);
      const { drainTimeoutMs = DRAIN_MS } = old.settings;
      const options = { ...replaceable(this.#optionsOf(old.settings)), timeoutMs: drainTimeoutMs };
      await this.#runtime.replace(old.handle, source, options);
      this.#deployed.set(name, { ...old, digest });
    });
    this.#applying = replaced.catch(() => {});
    return replaced;
  }

  async #apply({ components, routes }: ServeConfig): Promise<readonly DeploymentChange[]> {
    // Two components that would be routed alike are an error before anything is loaded.
    const found = new Routes(routes.flatMap((route) => routesOf(route, route.component)));
    for (const { name } of components) this.#adopt(name);
    const added = components.filter(({ name }) => !this.#isLoaded(name));
    await this.#add(added, [
      ...routes.map(({ component }) => component),
      ...components.flatMap(({ next }) => next ?? []),
    ]);
    const updated = new Map<string, DeploymentChange>();
    // A chain changes from its end, so that what stays of the old chain and what is new of the other never lead in a circle.
    for (const settings of lastFirst(components)) {
      const old = this.#deployed.get(settings.name);
      if (old !== undefined && !added.includes(settings)) updated.set(settings.name, await this.#update(old, settings));
    }
    this.#routes = found;
    return [
      ...added.map(({ name }) => ({ component: name, change: 'loaded' as const })),
      ...components.flatMap(({ name }) => updated.get(name) ?? []),
      ...(await this.#removeOthers(components)),
    ];
  }

  #isLoaded(name: string): boolean {
    const deployed = this.#deployed.get(name);
    return deployed !== undefined && this.#runtime.state(deployed.handle) !== 'stopped';
  }

  /** Takes over what somebody else has loaded under the id of a component that somebody has unloaded. The next reload replaces it. */
  #adopt(name: string): void {
    const deployed = this.#deployed.get(name);
    if (deployed === undefined || this.#isLoaded(name)) return;
    const handle = this.#runtime.find(formatComponentId(deployed.handle.id));
    if (handle !== undefined) this.#deployed.set(name, { ...deployed, handle, digest: undefined });
  }

  /** Loads new components, or none of them. @param asked the components that must answer requests */
  async #add(added: readonly ComponentSettings[], asked: readonly string[]): Promise<void> {
    const former = new Map<string, Deployed | undefined>();
    try {
      for (const settings of added) {
        const loaded = await this.#load(settings);
        former.set(settings.name, this.#deployed.get(settings.name));
        this.#deployed.set(settings.name, loaded);
      }
      for (const name of asked) this.#mustAnswer(this.#deployed.get(name));
    } catch (error) {
      for (const [name, gone] of former) {
        // What could not be unloaded either is no reason to leave the others.
        await this.#unload(name).catch(() => {});
        // Requests still go to one that somebody else has unloaded, and are told so.
        if (gone !== undefined) this.#deployed.set(name, gone);
      }
      throw error;
    }
  }

  /** Unloads what a configuration no longer names, except for what a component that kept its old version still passes requests on to. */
  async #removeOthers(components: readonly ComponentSettings[]): Promise<readonly DeploymentChange[]> {
    const names = new Set(components.map(({ name }) => name));
    const nextOf = this.#runningNexts();
    const needed = reached(names, nextOf);
    const others = [...this.#deployed.values()].flatMap(({ settings }) => (names.has(settings.name) ? [] : settings));
    const changes: DeploymentChange[] = [];
    // Requests that wait at the beginning of a chain have all of it until they are answered.
    for (const { name } of lastFirst(others).toReversed()) {
      if (needed.has(name)) {
        const caller = [...needed].find((each) => nextOf.get(each) === name);
        const message = `components.${name}: it is not named any more, but ${caller}, which kept its old version, passes requests on to it`;
        changes.push({ component: name, change: 'kept', error: new ServerError('SERVER_INVALID_CONFIG', message) });
      } else {
        const { drainTimeoutMs = DRAIN_MS } = this.#deployed.get(name)?.settings ?? {};
        await this.#unload(name, { drain: true, timeoutMs: drainTimeoutMs });
        changes.push({ component: name, change: 'unloaded' });
      }
    }
    return changes;
  }

  /** Unloads a component, unless somebody else has done so. Until then, it is found by those that pass requests on to it. */
  async #unload(name: string, options?: UnloadOptions): Promise<void> {
    const deployed = this.#deployed.get(name);
    if (deployed === undefined) return;
    try {
      await this.#runtime.unload(deployed.handle, options);
    } catch (error) {
      if (!isVivariumError(error, 'RUNTIME_NOT_FOUND')) throw error;
    } finally {
      this.#deployed.delete(name);
    }
  }

  /** @throws {ServerError} `SERVER_INVALID_ROUTE` for a component that no request can reach */
  #mustAnswer(deployed: Deployed | undefined): void {
    if (deployed === undefined || answersRequests(this.#runtime, deployed.handle)) return;
    throw new ServerError(
      'SERVER_INVALID_ROUTE',
      `${deployed.settings.source} answers no HTTP requests: it exports neither wasi:http/incoming-handler@0.2 nor wasi:http/handler@0.3; ` +
        'viv new --template handler makes a component that does',
    );
  }

  async #load(settings: ComponentSettings): Promise<Deployed> {
    const { source, options } = settings;
    this.#addSupervisor(options.supervision);
    const digest = await digestOf(source);
    return {
      settings,
      digest,
      handle: await this.#runtime.load(source, this.#optionsOf(settings)).catch(named(settings)),
    };
  }

  /** The options of a component, with what its middleware passes requests on to. That component is looked up for each request. */
  #optionsOf({ name, next, options }: ComponentSettings): LoadOptions {
    if (next === undefined) return options;
    return {
      ...options,
      next: (request) => {
        const target = this.#deployed.get(next);
        if (target === undefined)
          throw new ServerError('SERVER_INVALID_CONFIG', `${name} passes requests on to ${next}, which is gone`);
        return this.#passOn(target.handle, request);
      },
    };
  }

  /** Has the next component of a chain answer. What the client sees of a refusal is up to the middleware, so that the log tells it. */
  async #passOn(handle: ComponentHandle, request: Request): Promise<Response> {
    try {
      return await this.#runtime.fetch(handle, request);
    } catch (error) {
      const component = formatComponentId(handle.id);
      const code = isVivariumError(error) ? error.code : undefined;
      if (code === 'MESSAGING_QUEUE_FULL') this.#refused.add(component);
      else if (problemOf(code).status === 503 && !request.signal.aborted) this.#onError?.(error, component);
      throw error;
    }
  }

  async #update(old: Deployed, settings: ComponentSettings): Promise<DeploymentChange> {
    const component = settings.name;
    try {
      const digest = await digestOf(settings.source);
      if (digest !== undefined && digest === old.digest && textOf(settings) === textOf(old.settings)) {
        return { component, change: 'kept' };
      }
      refuseFixed(old.settings, settings);
      this.#refuseCircle(settings);
      const { drainTimeoutMs = DRAIN_MS } = settings;
      const options = { ...replaceable(this.#optionsOf(settings)), timeoutMs: drainTimeoutMs };
      await this.#runtime.replace(old.handle, settings.source, options).catch(named(settings));
      this.#deployed.set(component, { ...old, settings, digest });
      return { component, change: 'replaced' };
    } catch (error) {
      return { component, change: 'kept', error };
    }
  }

  /** @throws {ServerError} `SERVER_INVALID_CONFIG` if requests would come back over what runs now, which may differ from what the file says */
  #refuseCircle({ name, next }: ComponentSettings): void {
    if (!leadsBack(name, this.#runningNexts().set(name, next))) return;
    const message = `components.${name}.next: the requests that ${name} passes on to ${next} would come back to it, because a component between them runs with its former next`;
    throw new ServerError('SERVER_INVALID_CONFIG', message);
  }

  /** Where each component passes requests on to now, which may differ from what the file says. */
  #runningNexts(): Map<string, string | undefined> {
    return new Map([...this.#deployed].map(([name, { settings }]) => [name, settings.next]));
  }

  /** Adds the supervisor that an actor names, once; the first actor that names it sets its options. */
  #addSupervisor(supervision: LoadOptions['supervision']): void {
    const name = supervision?.supervisor;
    if (name === undefined || this.#supervisors.has(name)) return;
    const { strategy, maxRestarts, withinMs, backoffMs, maxBackoffMs } = supervision ?? {};
    this.#runtime.addSupervisor(name, { strategy, maxRestarts, withinMs, backoffMs, maxBackoffMs });
    this.#supervisors.add(name);
  }
}

/** Makes what throws an error again, with the name of the component whose option is wrong. */
function named({ name }: ComponentSettings): (error: unknown) => never {
  return (cause) => {
    if (!isVivariumError(cause) || cause.kind !== 'usage') throw cause;
    throw new ServerError('SERVER_INVALID_CONFIG', `components.${name}: ${messageOf(cause)}`, { cause });
  };
}

const HANDLER = /^wasi:http\/(?:incoming-handler@0\.2|handler@0\.3)\./;

function answersRequests(runtime: Runtime, handle: ComponentHandle): boolean {
  return runtime.exports(handle).some(({ name }) => HANDLER.test(name));
}

/** Options that belong to what outlives a version. */
const FIXED = ['id', 'mailbox', 'supervision'] as const;

/** @throws {ServerError} `SERVER_INVALID_CONFIG` if a change needs a restart */
function refuseFixed({ options: old }: ComponentSettings, { name, options }: ComponentSettings): void {
  const changed = FIXED.find((key) => JSON.stringify(old[key]) !== JSON.stringify(options[key]));
  if (changed === undefined) return;
  const message = `components.${name}: ${changed} has changed, which only takes effect when the server is started again`;
  throw new ServerError('SERVER_INVALID_CONFIG', message);
}

/** What the configuration no longer says is undefined, because an option that is left out keeps its last value. */
const FORGOTTEN = { store: undefined, reuse: undefined, metering: undefined, cancel: undefined, next: undefined };

function replaceable({ id: _, mailbox: _mailbox, supervision: _supervision, ...options }: LoadOptions): ReplaceOptions {
  // Under exact optional properties, the type does not allow what the rules of the options do.
  return { ...FORGOTTEN, ...options } as ReplaceOptions;
}

function textOf(settings: ComponentSettings): string {
  return JSON.stringify(settings, (_, value) => (typeof value === 'bigint' ? String(value) : value));
}

/** The digest of a file's bytes; undefined if the source is none, because its bytes may have changed at any time. */
async function digestOf(source: string): Promise<string | undefined> {
  if (/^(registry:|https?:)/.test(source)) return undefined;
  const hash = createHash('sha256');
  try {
    for await (const piece of streamRegular(source, { links: 'follow' })) hash.update(piece);
  } catch {
    // The load that follows reads the file too, and its error says what is wrong.
    return undefined;
  }
  return hash.digest('hex');
}
