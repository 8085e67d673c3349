import { type ComponentHandle, formatComponentId } from '#core';
import { isVivariumError, type VivariumError } from '#core/errors';
import type { Router } from '#messaging';
import type { JcoEngine } from '#runtime';
import { aborted } from './ended.ts';
import { tellingFailure } from './failing-turn.ts';
import { Exchange } from './fetch-exchange.ts';
import { Gate, type RequestBounds } from './request-gate.ts';

export interface FetchingPorts {
  readonly engine: () => JcoEngine;
  readonly router: () => Router;
  readonly supervisor: () => {
    isSupervised(handle: ComponentHandle): boolean;
    failed(handle: ComponentHandle, error: VivariumError): unknown;
  };
}

export interface FetchOptions {
  /** The address of the client, which the component finds in `x-forwarded-for`, whatever the client says itself. */
  readonly clientAddress?: string;
}

/** HTTP requests that components answer: each is a turn. */
export class Fetching {
  readonly #ports: FetchingPorts;
  readonly #gates = new WeakMap<ComponentHandle, Gate>();

  constructor(ports: FetchingPorts) {
    this.#ports = ports;
  }

  /** Bounds the requests of a component that was loaded. */
  bound(handle: ComponentHandle, bounds: RequestBounds | undefined): void {
    this.#gates.set(handle, new Gate(formatComponentId(handle.id), bounds));
  }

  /** Requests of a component that are answered or wait. */
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
    // It may fail before its guest runs.
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
