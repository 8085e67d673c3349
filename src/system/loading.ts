import { wasmDigestOf } from '#cache';
import { type ComponentHandle, createHandle, formatComponentId, isReservedId, parseComponentId } from '#core';
import { addCallerFrames, attribute, isVivariumError, messageOf } from '#core/errors';
import type { EffectiveLimits } from '#core/limits';
import type { EngineLoadRequest, GivenComponent, Scheduling } from '#core/ports/engine';
import type { HostContext } from '#core/ports/host-context';
import type { MailboxOptions } from '#messaging';
import { RuntimeError } from '#runtime';
import { sourceMapBeside } from '#runtime/loaders';
import { openPreopens } from '#security/access';
import type { Authority } from '#security/authority';
import { type ComponentSource, isComponentId, nameOf } from './component-source.ts';
import type { Parts } from './container.ts';
import { aborted, closed } from './ended.ts';
import { environmentOf } from './environment.ts';
import { GivenSource } from './given-source.ts';
import { nextHandler } from './next-handler.ts';
import { checkLoadOptions, checkReplaceOptions } from './option-rules.ts';
import { DEFAULT_REPLACE_TIMEOUT_MS, type LoadOptions, type ReplaceOptions } from './options.ts';
import { openStdio } from './stdio.ts';

export interface LoadingParts
  extends Pick<
    Parts,
    'engine' | 'directory' | 'router' | 'admission' | 'supervisor' | 'limiter' | 'maxComponentBytes'
  > {
  /** The parts that find components. They are read when a source needs them, because most loads need neither. */
  readonly sources: Pick<Parts, 'loader' | 'registry'>;
  readonly scheduling: Scheduling;
  readonly isClosing: () => boolean;
}

/** A component that may run. */
interface Admitted {
  readonly component: GivenComponent;
  /** The file that it was read from, if it was read from one. */
  readonly path: string | undefined;
  readonly authority: Authority;
}

interface Starting extends Admitted {
  readonly handle: ComponentHandle;
  readonly limits: EffectiveLimits;
  readonly options: LoadOptions;
}

/** Loads and replaces components. A load that fails is rolled back completely. */
export class Loading {
  readonly #parts: LoadingParts;
  /** The options with which each component was last loaded or replaced. */
  readonly #options = new WeakMap<ComponentHandle, LoadOptions>();
  #unnamed = 0;

  constructor(parts: LoadingParts) {
    this.#parts = parts;
  }

  /** @throws what `Runtime.load` throws */
  async load(source: ComponentSource, options: LoadOptions): Promise<ComponentHandle> {
    const limits = this.#check(options);
    const handle = this.#reserve(options.id ?? this.#defaultId(source));
    try {
      this.#holdMailbox(handle, limits, options);
      const admitted = await this.#admit(handle, source, options);
      await this.#parts.engine.loadComponent(await this.#request({ ...admitted, handle, limits, options }));
      await this.#open(handle, admitted.component, options);
      return handle;
    } catch (error) {
      throw await this.#rollBack(handle, error);
    }
  }

  /** @throws what `Runtime.replace` throws */
  async replace(handle: ComponentHandle, source: ComponentSource, given: ReplaceOptions): Promise<void> {
    const { engine, router, admission, directory, limiter, isClosing } = this.#parts;
    const { timeoutMs = DEFAULT_REPLACE_TIMEOUT_MS, ...changes } = given;
    checkReplaceOptions({ timeoutMs });
    const options: LoadOptions = { ...this.#options.get(handle), digest: undefined, signature: undefined, ...changes };
    checkLoadOptions(options);
    if (isClosing()) throw closed();
    const { phase } = engine.lifecycle(handle);
    if (phase !== 'ready') throw engine.refusal(handle);
    const limits = limiter.applyLimits(options.limits);
    try {
      const { component, path, request } = await this.#find(handle, source, options);
      const judged = await admission.judge(request);
      // Without new grants the old authority stays, so that later grants and revocations remain in force.
      const authority = changes.grants === undefined ? admission.of(handle) : judged;
      const next = await this.#request({ handle, component, path, authority, limits, options });
      const between = (swap: () => void, goOnBeside: boolean): Promise<void> => {
        const swapped = (): void => {
          if (isClosing()) throw closed();
          swap();
          router.interleave(handle, engine.concurrency(handle));
          admission.accept(handle, authority);
          this.#options.set(handle, options);
        };
        return router.swap(handle, swapped, goOnBeside);
      };
      await engine.replaceComponent(next, between, timeoutMs);
      directory.describe(handle, await engine.metadata(handle), await digestOf(component));
      admission.loaded(handle, component);
    } catch (error) {
      throw told(handle, error);
    }
  }

  /** What a loaded component, or its present version, was loaded with. */
  optionsOf(handle: ComponentHandle): LoadOptions | undefined {
    return this.#options.get(handle);
  }

  /** Rejects wrong options before anything begins. Returns the limits that apply. */
  #check(options: LoadOptions): EffectiveLimits {
    const { supervisor, limiter, isClosing } = this.#parts;
    checkLoadOptions(options);
    supervisor.check(options.supervision);
    if (isClosing()) throw closed();
    if (options.signal?.aborted) throw aborted(options.signal);
    return limiter.applyLimits(options.limits);
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
    if (!this.#parts.directory.add(handle)) {
      throw new RuntimeError(
        'RUNTIME_WRONG_STATE',
        `${id} is loaded already; unload it first or choose another instance`,
      );
    }
    return handle;
  }

  /** Opens a mailbox that is held. It must exist before `initialize` runs, because the component may send and subscribe there already. */
  #holdMailbox(handle: ComponentHandle, limits: EffectiveLimits, { mailbox, supervision }: LoadOptions): void {
    this.#parts.router.add(handle, {
      mailbox: mailboxOf(limits, mailbox),
      maxAttempts: supervision?.maxAttempts,
      suspended: true,
    });
  }

  /** Finds the component, and decides whether it may run and what it may do. */
  async #admit(handle: ComponentHandle, source: ComponentSource, options: LoadOptions): Promise<Admitted> {
    const { component, path, request } = await this.#find(handle, source, options);
    return { component, path, authority: await this.#parts.admission.admit(request) };
  }

  async #find(handle: ComponentHandle, source: ComponentSource, { digest, signal, grants, signature }: LoadOptions) {
    const { sources, maxComponentBytes } = this.#parts;
    const given = new GivenSource(source, {
      loader: () => sources.loader,
      registry: () => sources.registry,
      maxBytes: maxComponentBytes,
      digest,
      signal,
    });
    const component = await given.component();
    const path = await given.path();
    const request = { handle, component, path, signers: given.signers, grants: grants ?? [], signature };
    return { component, path, request };
  }

  async #request({ handle, component, path, authority, limits, options }: Starting): Promise<EngineLoadRequest> {
    return {
      handle,
      component,
      origin: path,
      toSources: path === undefined ? undefined : await sourceMapBeside(path),
      limits,
      context: await this.#context(authority, options),
      config: options.config,
      store: options.store,
      reuse: options.reuse,
      metering: options.metering ?? 'fuel',
      scheduling: options.scheduling ?? this.#parts.scheduling,
      cancel: options.cancel ?? 'answer',
      concurrency: options.concurrency ?? 1,
      imports: options.imports ?? {},
      importsAnswerAtOnce: options.importsAnswerAtOnce ?? false,
      signal: options.signal,
    };
  }

  async #context(authority: Authority, options: LoadOptions): Promise<HostContext> {
    return {
      authority,
      environment: environmentOf({ env: options.env ?? {}, hostEnv: process.env, authority }),
      args: options.args ?? [],
      preopens: await openPreopens(options.preopens ?? {}),
      network: this.#parts.admission.network(authority),
      next: nextHandler(options.next),
      stdio: await openStdio(options),
    };
  }

  /** Makes a started component known, and lets its mailbox go. */
  async #open(handle: ComponentHandle, component: GivenComponent, options: LoadOptions): Promise<void> {
    const { engine, directory, supervisor, router, admission, isClosing } = this.#parts;
    if (isClosing()) throw closed();
    directory.describe(handle, await engine.metadata(handle), await digestOf(component));
    if (options.supervision !== undefined) supervisor.watch(handle, options.supervision);
    router.interleave(handle, engine.concurrency(handle));
    router.resume(handle);
    admission.loaded(handle, component);
    this.#options.set(handle, options);
  }

  /** Takes everything back that a load has done. Returns the error for the caller. */
  async #rollBack(handle: ComponentHandle, thrown: unknown): Promise<unknown> {
    const { engine, router, admission, directory, isClosing } = this.#parts;
    const error = isClosing() && !isVivariumError(thrown, 'RUNTIME_CLOSED') ? closed(thrown) : thrown;
    // The engine may not have it yet.
    await engine.unloadComponent(handle, `the load failed: ${messageOf(error)}`).catch((failure: unknown) => {
      if (!isVivariumError(failure, 'RUNTIME_NOT_FOUND')) throw failure;
    });
    router.remove(handle, isVivariumError(error) ? error : undefined);
    admission.end(handle, error);
    directory.remove(handle);
    return told(handle, error);
  }

  /** A source that is an id gives the component that id; any other source gets a new `local/…` id. */
  #defaultId(source: ComponentSource): string {
    if (isComponentId(source)) return formatComponentId(source);
    this.#unnamed += 1;
    return `local/${nameOf(source)}/${this.#unnamed}`;
  }
}

/** Returns the error with the component's id and the caller's frames. */
function told(handle: ComponentHandle, error: unknown): unknown {
  attribute(error, formatComponentId(handle.id));
  addCallerFrames(error);
  return error;
}

/** Bounds a message to half of the receiver's memory, so that a large payload fails at its sender and does not end the receiver. */
function mailboxOf(limits: EffectiveLimits, wanted: MailboxOptions = {}): MailboxOptions {
  return { ...wanted, maxMessageBytes: wanted.maxMessageBytes ?? Math.floor(limits.maxMemoryBytes / 2) };
}

function digestOf(component: GivenComponent): Promise<string> | string {
  return component instanceof Uint8Array ? wasmDigestOf(component) : component.digest;
}
