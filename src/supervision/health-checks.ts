import { type ComponentHandle, formatComponentId } from '#core';
import { messageOf } from '#core/errors';
import { allow } from '#core/options';
import type { Clock, StopTimer } from '#core/ports/clock';
import type { Supervisor } from '#core/ports/supervisor';
import { SupervisionError } from './errors.ts';

/** The `health-status` of the WIT. */
export type HealthStatus = 'healthy' | 'degraded' | 'unhealthy';

export interface HealthOptions {
  /** Milliseconds between the end of one check and the next; 10,000 by default. */
  readonly everyMs?: number | undefined;
  /** How many checks in a row must fail or report `unhealthy` before the actor counts as failed; 3 by default. */
  readonly failures?: number | undefined;
}

export const HEALTH: allow.OptionRules<HealthOptions> = { everyMs: allow.period, failures: allow.wholeNumber(1) };

export interface HealthPorts {
  readonly clock: Clock;
  readonly supervisor: Supervisor;
  /**
   * Calls the guest's `health` in a turn of its own. `ended`: the instance ended during the call, and the supervisor
   * was notified.
   */
  readonly check: (handle: ComponentHandle) => Promise<HealthStatus | 'ended'>;
  readonly onStatus?: ((handle: ComponentHandle, status: HealthStatus) => void) | undefined;
}

interface Watch {
  status: HealthStatus;
  failures: number;
  stop: StopTimer;
}

/** Checks the health of actors, and reports actors that stay unhealthy as failed. */
export class HealthChecks {
  readonly #ports: HealthPorts;
  readonly #watches = new Map<ComponentHandle, Watch>();

  constructor(ports: HealthPorts) {
    this.#ports = ports;
  }

  watch(handle: ComponentHandle, options: HealthOptions = {}): void {
    this.unwatch(handle);
    const watch: Watch = { status: 'healthy', failures: 0, stop: () => {} };
    this.#watches.set(handle, watch);
    this.#schedule(handle, watch, options);
  }

  unwatch(handle: ComponentHandle): void {
    this.#watches.get(handle)?.stop();
    this.#watches.delete(handle);
  }

  #schedule(handle: ComponentHandle, watch: Watch, options: HealthOptions): void {
    watch.stop = this.#ports.clock.after(options.everyMs ?? 10_000, () => void this.#check(handle, watch, options));
  }

  async #check(handle: ComponentHandle, watch: Watch, options: HealthOptions): Promise<void> {
    let said = 'it reported that itself';
    const answer = await this.#ports.check(handle).catch((error): HealthStatus => {
      said = messageOf(error);
      return 'unhealthy';
    });
    if (this.#watches.get(handle) !== watch) return;
    const status = answer === 'ended' ? 'unhealthy' : answer;
    if (status !== watch.status) this.#ports.onStatus?.(handle, status);
    watch.status = status;
    watch.failures = answer === 'unhealthy' ? watch.failures + 1 : 0;
    if (watch.failures >= (options.failures ?? 3)) {
      const component = formatComponentId(handle.id);
      const message = `${component} was unhealthy ${watch.failures} times in a row: ${said}`;
      watch.failures = 0;
      this.#ports.supervisor.failed(
        handle,
        new SupervisionError('SUPERVISION_UNHEALTHY', message, { details: { component } }),
      );
    }
    this.#schedule(handle, watch, options);
  }
}
