import type { DependencyContainer } from 'tsyringe';
import { type ComponentHandle, createHandle, formatComponentId, isReservedId, parseComponentId } from '#core';
import { addCallerFrames, attribute, isVivariumError, messageOf } from '#core/errors';
import type { EffectiveLimits } from '#core/limits';
import type { EngineLoadRequest, GivenComponent, Scheduling } from '#core/ports/engine';
import type { HostContext } from '#core/ports/host-context';
import type { MailboxOptions, Router } from '#messaging';
import { type JcoEngine, RuntimeError } from '#runtime';
import { sourceMapBeside } from '#runtime/loaders';
import { openPreopens } from '#security/access';
import type { Authority } from '#security/authority';
import type { ActorSupervisor } from './actor-supervisor.ts';
import type { Admission } from './admission.ts';
import { type ComponentSource, isComponentId, nameOf } from './component-source.ts';
import { TOKENS } from './container.ts';
import type { Directory } from './directory.ts';
import { aborted, closed } from './ended.ts';
import { environmentOf } from './environment.ts';
import { GivenSource } from './given-source.ts';
import { checkLoadOptions } from './option-rules.ts';
import type { LoadOptions, ReplaceOptions } from './options.ts';
import { openStdio } from './stdio.ts';

/** Loads and replaces components. A load that fails is rolled back completely. */
export class Loading {
  readonly #scope: DependencyContainer;
  readonly #isClosing: () => boolean;
  readonly #engine: JcoEngine;
  readonly #directory: Directory;
  readonly #router: Router;
  readonly #admission: Admission;
  readonly #supervisor: ActorSupervisor;
  readonly #maxComponentBytes: number;
  readonly #scheduling: Scheduling;
  /** The options with which each component was last loaded or replaced. */
  readonly #options = new WeakMap<ComponentHandle, LoadOptions>();
  #unnamed = 0;

  constructor(scope: DependencyContainer, scheduling: Scheduling, isClosing: () => boolean) {
    this.#scheduling = scheduling;
    this.#scope = scope;
    this.#isClosing = isClosing;
    this.#engine = scope.resolve(TOKENS.engine);
    this.#directory = scope.resolve(TOKENS.directory);
    this.#router = scope.resolve(TOKENS.router);
    this.#admission = scope.resolve(TOKENS.admission);
    this.#supervisor = scope.resolve(TOKENS.supervisor);
    this.#maxComponentBytes = scope.resolve(TOKENS.maxComponentBytes);
  }

  /** @throws what `Runtime.load` throws */
  async load(source: ComponentSource, options: LoadOptions): Promise<ComponentHandle> {
    checkLoadOptions(options);
    this.#supervisor.check(options.supervision);
    if (this.#isClosing()) throw closed();
    if (options.signal?.aborted) throw aborted(options.signal);
    const limits = this.#scope.resolve(TOKENS.limiter).applyLimits(options.limits);
    const handle = this.#reserve(options.id ?? this.#defaultId(source));
    try {
      // The mailbox must exist before `initialize` runs, because the component may send and subscribe there already.
      this.#router.add(handle, {
        mailbox: mailboxOf(limits, options.mailbox),
        maxAttempts: options.supervision?.maxAttempts,
        suspended: true,
      });
      const { component, path, admission } = await this.#given(handle, source, options);
      const authority = await this.#admission.admit(admission);
      await this.#engine.loadComponent(await this.#request(handle, component, path, authority, limits, options));
      if (this.#isClosing()) throw closed();
      this.#directory.describe(handle, await this.#engine.metadata(handle));
      if (options.supervision !== undefined) this.#supervisor.watch(handle, options.supervision);
      this.#router.resume(handle);
      this.#admission.loaded(handle, component);
      this.#options.set(handle, options);
      return handle;
    } catch (thrown) {
      const error = this.#isClosing() && !isVivariumError(thrown, 'RUNTIME_CLOSED') ? closed(thrown) : thrown;
      await this.#forget(handle, messageOf(error));
      this.#router.remove(handle, isVivariumError(error) ? error : undefined);
      this.#admission.end(handle, error);
      this.#directory.remove(handle);
      attribute(error, formatComponentId(handle.id));
      addCallerFrames(error);
      throw error;
    }
  }

  /** @throws what `Runtime.replace` throws */
  async replace(handle: ComponentHandle, source: ComponentSource, changes: ReplaceOptions): Promise<void> {
    const options: LoadOptions = { ...this.#options.get(handle), digest: undefined, signature: undefined, ...changes };
    checkLoadOptions(options);
    if (this.#isClosing()) throw closed();
    if (this.#engine.lifecycle(handle).phase !== 'ready') throw this.#engine.refusal(handle);
    const limits = this.#scope.resolve(TOKENS.limiter).applyLimits(options.limits);
    try {
      const { component, path, admission } = await this.#given(handle, source, options);
      const judged = await this.#admission.judge(admission);
      // Without new grants the old authority stays, so that later grants and revocations remain in force.
      const authority = changes.grants === undefined ? this.#admission.of(handle) : judged;
      const request = await this.#request(handle, component, path, authority, limits, options);
      await this.#engine.replaceComponent(request, (swap) =>
        this.#router.swap(handle, () => {
          if (this.#isClosing()) throw closed();
          swap();
          this.#admission.accept(handle, authority);
          this.#options.set(handle, options);
        }),
      );
      this.#directory.describe(handle, await this.#engine.metadata(handle));
      this.#admission.loaded(handle, component);
    } catch (error) {
      attribute(error, formatComponentId(handle.id));
      addCallerFrames(error);
      throw error;
    }
  }

  async #given(handle: ComponentHandle, source: ComponentSource, { digest, signal, grants, signature }: LoadOptions) {
    const given = new GivenSource(source, {
      loader: () => this.#scope.resolve(TOKENS.loader),
      registry: () => this.#scope.resolve(TOKENS.registry),
      maxBytes: this.#maxComponentBytes,
      digest,
      signal,
    });
    const component = await given.component();
    const path = await given.path();
    const admission = { handle, component, path, signers: given.signers, grants: grants ?? [], signature };
    return { component, path, admission };
  }

  async #request(
    handle: ComponentHandle,
    component: GivenComponent,
    path: string | undefined,
    authority: Authority,
    limits: EffectiveLimits,
    options: LoadOptions,
  ): Promise<EngineLoadRequest> {
    return {
      handle,
      component,
      origin: path,
      toSources: path === undefined ? undefined : await sourceMapBeside(path),
      limits,
      context: await this.#context(authority, options),
      config: options.config,
      store: options.store,
      metering: options.metering ?? 'fuel',
      scheduling: options.scheduling ?? this.#scheduling,
      cancel: options.cancel ?? 'answer',
      imports: options.imports ?? {},
      signal: options.signal,
    };
  }

  async #context(authority: Authority, options: LoadOptions): Promise<HostContext> {
    return {
      authority,
      environment: environmentOf({ env: options.env ?? {}, hostEnv: process.env, authority }),
      args: options.args ?? [],
      preopens: await openPreopens(options.preopens ?? {}),
      network: this.#admission.network(authority),
      stdio: await openStdio(options),
    };
  }

  /** Unloads a component whose load failed from the engine, if the engine has it already. */
  async #forget(handle: ComponentHandle, reason: string): Promise<void> {
    await this.#engine.unloadComponent(handle, `the load failed: ${reason}`).catch((error: unknown) => {
      if (!isVivariumError(error, 'RUNTIME_NOT_FOUND')) throw error;
    });
  }

  #reserve(id: string): ComponentHandle {
    const parsed = parseComponentId(id);
    if (isReservedId(parsed)) {
      throw new RuntimeError(
        'RUNTIME_WRONG_STATE',
        `${id} is in the namespace that only the host may use; choose another`,
      );
    }
    const handle = createHandle(parsed);
    if (!this.#directory.add(handle)) {
      throw new RuntimeError(
        'RUNTIME_WRONG_STATE',
        `${id} is loaded already; unload it first or choose another instance`,
      );
    }
    return handle;
  }

  /** A source that is an id gives the component that id; any other source gets a new `local/…` id. */
  #defaultId(source: ComponentSource): string {
    if (isComponentId(source)) return formatComponentId(source);
    this.#unnamed += 1;
    return `local/${nameOf(source)}/${this.#unnamed}`;
  }
}

/** Bounds a message to half of the receiver's memory, so that a large payload fails at its sender and does not end the receiver. */
function mailboxOf(limits: EffectiveLimits, wanted: MailboxOptions = {}): MailboxOptions {
  return { ...wanted, maxMessageBytes: wanted.maxMessageBytes ?? Math.floor(limits.maxMemoryBytes / 2) };
}
