import { type ComponentHandle, formatComponentId } from '#core';
import { isVivariumError, type VivariumError } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import type { MessageTurn, RuntimeEngine, Turn } from '#core/ports/engine';
import { HostTask, type Router } from '#messaging';
import { FetchExchange } from './fetch-exchange.ts';
import type { FetchOptions } from './fetch-options.ts';
import { checkHops } from './hops.ts';
import type { HttpExchange } from './http-exchange.ts';
import { Gate, MAX_CONCURRENT, type RequestBounds } from './request-gate.ts';
import { RequestPace } from './request-pace.ts';

export interface FetchingPorts {
  readonly clock: () => Clock;
  readonly engine: () => RuntimeEngine;
  readonly router: () => Router;
  readonly supervisor: () => {
    isSupervised(handle: ComponentHandle): boolean;
    failed(handle: ComponentHandle, error: VivariumError): unknown;
  };
}

/** Has components answer HTTP requests, each in a turn of its own. */
export class Fetching {
  readonly #ports: FetchingPorts;
  readonly #gates = new WeakMap<ComponentHandle, Gate>();
  #pace: RequestPace | undefined;

  constructor(ports: FetchingPorts) {
    this.#ports = ports;
  }

  /** Sets the bounds for the requests of a loaded component. An instance that answers many side by side is given as many. */
  bound(handle: ComponentHandle, bounds: RequestBounds = {}): void {
    const concurrency = this.#ports.engine().concurrency(handle);
    const maxConcurrent = bounds.maxConcurrent ?? Math.max(MAX_CONCURRENT, concurrency);
    this.#gateOf(handle).resize({ ...bounds, maxConcurrent });
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

  /** Whether a component has all requests that it may have, so that one more is refused with `MESSAGING_QUEUE_FULL`. */
  isFull(handle: ComponentHandle): boolean {
    return this.#gates.get(handle)?.isFull ?? false;
  }

  fetch(handle: ComponentHandle, request: Request, options: FetchOptions): Promise<Response> {
    const exchange = new FetchExchange(request, options);
    void this.serve(handle, exchange);
    return exchange.response;
  }

  /** Has a component answer on an exchange. Resolves when its turn has ended; the exchange is told of every error. */
  async serve(handle: ComponentHandle, exchange: HttpExchange): Promise<void> {
    let place: Place | undefined;
    try {
      const admitted = this.#admit(handle, exchange);
      if (admitted !== undefined) await admitted;
      place = new Place(this.#gateOf(handle));
      if (exchange.reason !== undefined) throw exchange.reason;
      const turn = this.#turn(handle, exchange, place);
      if (turn !== undefined) await turn;
      exchange.ended();
    } catch (error) {
      place?.leave();
      exchange.ended(error);
    }
  }

  /** Returns undefined if the request may begin at once. @throws if it may not begin at all */
  #admit(handle: ComponentHandle, exchange: HttpExchange): Promise<void> | undefined {
    checkHops(handle, exchange.hops);
    const engine = this.#ports.engine();
    const { state } = engine.lifecycle(handle);
    if (state === 'failed' && !this.#ports.supervisor().isSupervised(handle)) throw engine.refusal(handle);
    const endsUnwanted = (): boolean => engine.endsUnwanted(handle);
    exchange.endsUnwanted = endsUnwanted;
    return this.#gateOf(handle).enter(exchange);
  }

  #gateOf(handle: ComponentHandle): Gate {
    let gate = this.#gates.get(handle);
    if (gate === undefined) {
      this.#pace ??= new RequestPace(this.#ports.clock());
      gate = new Gate(formatComponentId(handle.id), this.#pace);
      this.#gates.set(handle, gate);
    }
    return gate;
  }

  /** Returns undefined if the turn has ended at once. @throws what ends it at once */
  #turn(handle: ComponentHandle, exchange: HttpExchange, place: Place): Promise<unknown> | undefined {
    const engine = this.#ports.engine();
    const router = this.#ports.router();
    if (!engine.servesSideBySide(handle)) {
      return router.runTask(handle, new RequestTurn(this.#ports, exchange, place));
    }
    const answer = served(engine, handle, exchange, place);
    return answer instanceof Promise ? router.keepingAlive(answer) : undefined;
  }
}

/** The turn of a request in the mailbox of its actor. */
class RequestTurn extends HostTask {
  readonly #ports: FetchingPorts;
  readonly #exchange: HttpExchange;
  readonly #place: Place;

  constructor(ports: FetchingPorts, exchange: HttpExchange, place: Place) {
    super();
    this.#ports = ports;
    this.#exchange = exchange;
    this.#place = place;
  }

  override get joins(): boolean {
    return true;
  }

  run(): MessageTurn<unknown> {
    return served(this.#ports.engine(), this.actor.handle, this.#exchange, this.#place);
  }

  override failed(error: unknown): void {
    if (isVivariumError(error)) this.#ports.supervisor().failed(this.actor.handle, error);
  }
}

/** Runs the turn of a request. Its end lets the next request in, whatever else waits for this turn. */
function served(engine: RuntimeEngine, handle: ComponentHandle, exchange: HttpExchange, place: Place): Turn<unknown> {
  let answer: Turn<unknown>;
  try {
    answer = engine.serve(handle, exchange, exchange.began);
  } catch (error) {
    place.leave();
    throw error;
  }
  const leave = (): void => place.leave();
  // The first reaction to the promise comes before those of callers, and needs no promise around it.
  if (answer instanceof Promise) answer.then(leave, leave);
  else leave();
  return answer;
}

/** A request's place at the gate, which it leaves once. */
class Place {
  #gate: Gate | undefined;

  constructor(gate: Gate) {
    this.#gate = gate;
  }

  leave(): void {
    this.#gate?.leave();
    this.#gate = undefined;
  }
}
