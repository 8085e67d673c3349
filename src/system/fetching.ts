import { type ComponentHandle, formatComponentId } from '#core';
import { isVivariumError, type VivariumError } from '#core/errors';
import { roundEnd } from '#core/event-loop';
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
  /** That of the request which has begun last. */
  #lastGate: Gate | undefined;

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
  serve(handle: ComponentHandle, exchange: HttpExchange): Promise<void> {
    return new Promise((resolve, reject) => {
      const answering = new Answering(exchange, resolve, reject);
      try {
        const admitted = this.#admit(handle, exchange);
        if (admitted === undefined) this.#begin(handle, answering);
        else
          admitted.then(
            () => this.#begin(handle, answering),
            (error) => answering.ended(error),
          );
      } catch (error) {
        answering.ended(error);
      }
    });
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

  /** Begins the turn of a request that was let in. */
  #begin(handle: ComponentHandle, answering: Answering): void {
    try {
      const gate = this.#gateOf(handle);
      answering.take(gate);
      // Answers of a component do not wait for the turns of another one, which could take long.
      if (gate !== this.#lastGate) roundEnd.run();
      this.#lastGate = gate;
      const { reason } = answering.exchange;
      if (reason !== undefined) throw reason;
      const engine = this.#ports.engine();
      const router = this.#ports.router();
      if (!engine.servesSideBySide(handle)) {
        router.push(handle, new RequestTurn(this.#ports, answering));
        return;
      }
      const turn = answering.serve(engine, handle);
      if (turn instanceof Promise) {
        router.keepingAlive(turn).then(
          () => answering.ended(),
          (error) => answering.ended(error),
        );
      } else answering.ended();
    } catch (error) {
      answering.ended(error);
    }
  }
}

/** A request that is being answered, with its place at the gate and whoever waits for the end of its turn. */
class Answering {
  readonly exchange: HttpExchange;
  #gate: Gate | undefined;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;

  constructor(exchange: HttpExchange, resolve: () => void, reject: (error: unknown) => void) {
    this.exchange = exchange;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  take(gate: Gate): void {
    this.#gate = gate;
  }

  /** Runs its turn. The end of that lets the next request in, whatever else waits for this turn. */
  serve(engine: RuntimeEngine, handle: ComponentHandle): Turn<unknown> {
    const answer = engine.serve(handle, this.exchange, this.exchange.began);
    const leave = (): void => this.#leave();
    // The first reaction to the promise comes before those of callers, and needs no promise around it.
    if (answer instanceof Promise) answer.then(leave, leave);
    return answer;
  }

  /** Its turn has ended, or never begins. @param error what has ended it, if anything has */
  ended(error?: unknown): void {
    this.#leave();
    try {
      this.exchange.ended(error);
      this.#resolve();
    } catch (worse) {
      this.#reject(worse);
    }
  }

  #leave(): void {
    const gate = this.#gate;
    this.#gate = undefined;
    gate?.leave();
  }
}

/** The turn of a request in the mailbox of its actor. */
class RequestTurn extends HostTask {
  readonly #ports: FetchingPorts;
  readonly #answering: Answering;

  constructor(ports: FetchingPorts, answering: Answering) {
    super();
    this.#ports = ports;
    this.#answering = answering;
  }

  override get joins(): boolean {
    return true;
  }

  run(): MessageTurn<unknown> {
    return this.#answering.serve(this.#ports.engine(), this.actor.handle);
  }

  override failed(error: unknown): void {
    if (isVivariumError(error)) this.#ports.supervisor().failed(this.actor.handle, error);
  }

  override end(value: unknown): void {
    super.end(value);
    this.#answering.ended();
  }

  override refuse(error: unknown): void {
    this.settle(undefined);
    this.#answering.ended(error);
  }
}
