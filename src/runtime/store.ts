import {
  type CallBudget,
  type Clock,
  type ComponentAuthority,
  type ComponentHandle,
  type ComponentNetwork,
  isVivariumError,
  type KeyValueNamespace,
  messageOf,
  type Preopen,
  type Tank,
  type VivariumError,
} from '#core';
import { FileGuard } from '#security';
import type { ComponentCode, ComponentExports } from './component-code.ts';
import { ComponentError, RuntimeError } from './errors.ts';
import type { CurrentStore, Environment, HostState, LogRecord } from './host-state.ts';

/** What a store is made of. */
export interface StoreParts {
  readonly handle: ComponentHandle;
  readonly code: ComponentCode;
  readonly imports: Readonly<Record<string, unknown>>;
  readonly authority: ComponentAuthority;
  readonly environment: Environment;
  readonly args: readonly string[];
  readonly preopens: readonly Preopen[];
  readonly network: ComponentNetwork;
  readonly tank: Tank;
  readonly current: CurrentStore;
  readonly clock: Clock;
  /** Bytes that one lift may copy out of the guest: no value that it holds once is larger. */
  readonly maxLiftBytes: number;
  readonly openStorage: () => KeyValueNamespace;
  readonly log: (record: LogRecord) => void;
}

/**
 * One instance of a component with everything that is its own: core instances, memories, tables, resource handles and
 * budget. Nothing is shared between two stores but compiled code and the host's functions. After a trap, an exhausted
 * budget or an exit a store is dead and is never entered again.
 */
export class Store implements HostState {
  readonly handle: ComponentHandle;
  readonly authority: ComponentAuthority;
  readonly environment: Environment;
  readonly args: readonly string[];
  readonly #parts: StoreParts;
  #exports: ComponentExports | undefined;
  #storage: KeyValueNamespace | undefined;
  #files: FileGuard | undefined;
  #ending: AbortController | undefined;
  #stopped: VivariumError | undefined;
  #entered = false;
  #liftedBytes = 0;
  #dead = false;
  /** Milliseconds that the last call took. */
  lastCallMs = 0;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.handle = parts.handle;
    this.authority = parts.authority;
    this.environment = parts.environment;
    this.args = parts.args;
  }

  get dead(): boolean {
    return this.#dead;
  }

  get usage(): Tank['usage'] {
    return this.#parts.tank.usage;
  }

  /** Makes the core instances; start functions run, on this budget. @throws `RUNTIME_INSTANTIATION_FAILED`, `METERING_…` */
  instantiate(budget: CallBudget): void {
    const { code, imports, tank } = this.#parts;
    try {
      this.#exports = this.#turn(budget, () =>
        code.instantiate(
          (name) => code.modules.get(name) as WebAssembly.Module,
          imports,
          (module, coreImports = {}) => ({ exports: tank.link(module, coreImports) }),
          (reason) => this.stop(reason),
        ),
      );
    } catch (error) {
      throw whileStarting('the component cannot be instantiated', error);
    }
  }

  /**
   * One call of an export, on its own budget.
   * @throws {ComponentError} when the guest answered an error; the store lives on
   * @throws `RUNTIME_…` or `METERING_…` for everything else; the store is dead
   */
  call<T>(budget: CallBudget, run: (exports: ComponentExports) => T): T {
    const { exports } = this;
    return this.#turn(budget, () => run(exports));
  }

  /** What the component exports; calling any of it needs a turn. @throws `RUNTIME_WRONG_STATE` for a dead store */
  get exports(): ComponentExports {
    if (this.#exports !== undefined && !this.#dead) return this.#exports;
    throw new RuntimeError('RUNTIME_WRONG_STATE', 'the store was discarded');
  }

  storage(): KeyValueNamespace {
    this.#storage ??= this.#parts.openStorage();
    return this.#storage;
  }

  get preopens(): readonly Preopen[] {
    return this.#parts.preopens;
  }

  get network(): ComponentNetwork {
    return this.#parts.network;
  }

  files(): FileGuard {
    this.#files ??= new FileGuard({ authority: this.authority, preopens: this.preopens });
    return this.#files;
  }

  get ending(): AbortSignal {
    this.#ending ??= new AbortController();
    return this.#ending.signal;
  }

  log(channel: LogRecord['channel'], message: string, context: LogRecord['context']): void {
    this.#parts.log({ handle: this.handle, channel, message, context });
  }

  lift(bytes: number): void {
    this.#liftedBytes += bytes;
    const { maxLiftBytes } = this.#parts;
    if (this.#liftedBytes <= maxLiftBytes) return;
    const message = `one value of the component has more than ${maxLiftBytes} bytes, which is its whole memory`;
    this.stop(new RuntimeError('RUNTIME_TRAP', message));
  }

  lifted(): void {
    this.#liftedBytes = 0;
  }

  stop(reason: VivariumError): never {
    this.#stopped ??= reason;
    this.#parts.tank.stop(reason);
    throw reason;
  }

  /** Lets go of everything; safe to call twice. */
  discard(): void {
    this.#dead = true;
    this.#exports = undefined;
    this.#files?.close();
    this.#ending?.abort();
    this.#parts.tank.dispose();
  }

  #turn<T>(budget: CallBudget, run: () => T): T {
    if (this.#entered)
      throw new RuntimeError('RUNTIME_TRAP', 'the component was entered while a call of it was running');
    const { tank, clock, current } = this.#parts;
    const started = clock.monotonic();
    const previous = current.enter(this);
    this.#entered = true;
    this.#liftedBytes = 0;
    try {
      tank.begin(budget);
      const value = this.#answer(run);
      tank.end();
      if (this.#stopped !== undefined) throw this.#stopped;
      if (value instanceof GuestError) throw new ComponentError(describe(value.payload), value.payload);
      return value;
    } catch (thrown) {
      if (!(thrown instanceof ComponentError)) this.#dead = true;
      throw this.#classify(thrown);
    } finally {
      this.#entered = false;
      current.leave(previous);
      this.lastCallMs = clock.monotonic() - started;
    }
  }

  /** The glue throws the error case of a `result` as the plain value that it is; only traps are errors. */
  #answer<T>(run: () => T): T | GuestError {
    try {
      return run();
    } catch (thrown) {
      if (isTrap(thrown)) throw thrown;
      return new GuestError(thrown);
    }
  }

  #classify(thrown: unknown): VivariumError {
    if (this.#stopped !== undefined) return this.#stopped;
    const exhausted = this.#parts.tank.failure(thrown);
    if (exhausted !== undefined) return exhausted;
    if (isVivariumError(thrown)) return thrown;
    const { refusedGrowths } = this.usage;
    const hint = refusedGrowths === 0 ? '' : `; it was refused more memory ${refusedGrowths} times`;
    return new RuntimeError('RUNTIME_TRAP', `the component trapped: ${messageOf(thrown)}${hint}`, { cause: thrown });
  }
}

/** What a trap or an error of the guest's is called while it is started; budgets and exits keep their own codes. */
export function whileStarting(what: string, error: unknown): unknown {
  if (!(error instanceof RuntimeError) || (error.code !== 'RUNTIME_TRAP' && error.code !== 'RUNTIME_COMPONENT_ERROR')) {
    return error;
  }
  return new RuntimeError('RUNTIME_INSTANTIATION_FAILED', `${what}: ${error.message}`, { cause: error });
}

/** Stands for the error case until the budget was settled. */
class GuestError {
  readonly payload: unknown;

  constructor(payload: unknown) {
    this.payload = payload;
  }
}

function isTrap(thrown: unknown): boolean {
  return thrown instanceof Error || thrown instanceof WebAssembly.Exception;
}

function describe(payload: unknown): string {
  const text = JSON.stringify(payload, (_, value) => (typeof value === 'bigint' ? value.toString() : value));
  return `the component answered an error: ${(text ?? String(payload)).slice(0, 1_000)}`;
}
