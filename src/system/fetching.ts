import { type ComponentHandle, formatComponentId } from '#core';
import { isVivariumError, type VivariumError } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import type { Router } from '#messaging';
import type { JcoEngine } from '#runtime';
import { aborted } from './ended.ts';
import { tellingFailure } from './failing-turn.ts';
import { Exchange } from './fetch-exchange.ts';
import { Gate, type RequestBounds } from './request-gate.ts';

export interface FetchingPorts {
  readonly clock: () => Clock;
  readonly engine: () => JcoEngine;
  readonly router: () => Router;
  readonly supervisor: () => {
    isSupervised(handle: ComponentHandle): boolean;
    failed(handle: ComponentHandle, error: VivariumError): unknown;
  };
}

export interface FetchOptions {
  /** The client's address. The component gets it in `x-forwarded-for`, in place of anything that the client sent there. */
  readonly clientAddress?: string;
}

/** Has components answer HTTP requests, each in a turn of its own. */
export class Fetching {
  readonly #ports: FetchingPorts;
  readonly #gates = new WeakMap<ComponentHandle, Gate>();

  constructor(ports: FetchingPorts) {
    this.#ports = ports;
  }

  /** Sets the bounds for the requests of a loaded component. */
  bound(handle: ComponentHandle, bounds: RequestBounds | undefined): void {
    const gate = this.#gates.get(handle);
    if (gate === undefined) this.#gates.set(handle, new Gate(formatComponentId(handle.id), bounds));
    else gate.resize(bounds ?? {});
  }

  /** Refuses new requests for a component, and resolves when its requests have ended or after `timeoutMs`. */
  async drain(handle: ComponentHandle, timeoutMs: number): Promise<void> {
    const gate = this.#gates.get(handle);
    if (gate === undefined) return;
    let stop: (() => void) | undefined;
    const timeout = new Promise<void>((resolve) => {
      stop = this.#ports.clock().after(timeoutMs, resolve);
    });
    await Promise.race([gate.drain(), timeout]);
    stop?.();
  }

  /** The number of a component's requests that are being answered or wait. */
  open(handle: ComponentHandle): number {
    return this.#gates.get(handle)?.open ?? 0;
  }

  async fetch(handle: ComponentHandle, request: Request, { clientAddress }: FetchOptions): Promise<Response> {
    const engine = this.#ports.engine();
    const { state } = engine.lifecycle(handle);
    if (state === 'failed' && !this.#ports.supervisor().isSupervised(handle)) throw engine.refusal(handle);
    const gate = this.#gates.get(handle) ?? new Gate(formatComponentId(handle.id));
    const { signal } = request;
    await gate.enter(signal);
    if (signal.aborted) {
      gate.leave();
      throw aborted(signal);
    }
    const exchange = new Exchange(request, clientAddress);
    exchange.onLeft = () => engine.endsUnwanted(handle);
    const onAbort = (): void => exchange.abandon(aborted(signal), engine.endsUnwanted(handle));
    signal.addEventListener('abort', onAbort, { once: true });
    const turn = this.#turn(handle, exchange).finally(() => {
      signal.removeEventListener('abort', onAbort);
      gate.leave();
    });
    // The turn may fail before the guest runs, and then nothing else has ended the exchange.
    this.#ports
      .router()
      .keepingAlive(turn)
      .catch((error: unknown) => exchange.ended(error));
    return exchange.response;
  }

  #turn(handle: ComponentHandle, exchange: Exchange): Promise<void> {
    const engine = this.#ports.engine();
    const serve = async (): Promise<void> => {
      await engine.serve(handle, exchange, exchange.began);
      exchange.ended();
    };
    if (engine.servesSideBySide(handle)) return serve();
    return this.#ports.router().runTask(handle, () =>
      tellingFailure(serve, (error) => {
        if (isVivariumError(error)) this.#ports.supervisor().failed(handle, error);
      }),
    );
  }
}
