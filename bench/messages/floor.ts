import { HOST_ID } from '#core';
import type { ComponentMessage, MessageMetadata } from '#core/messages';
import { meter } from '#metering';
import { linkComponent, readComponent } from '#wasm';
import { HandWritten } from './hand-written.ts';

const METERING = 'vivarium:metering';
const FUEL = 1_000_000_000n;

/** A request's message, but for its payload. */
const METADATA: MessageMetadata = {
  messageId: 1n,
  correlationId: '0123456789abcdef01234567',
  replyTo: HOST_ID,
  timestamp: { seconds: 1n, nanoseconds: 2 },
  headers: [],
};

/** What metered instances import, with all the fuel that a counter holds. */
export function endlessFuel(): WebAssembly.Imports {
  return { [METERING]: hooksOf(cell(2n ** 62n)) };
}

const cell = (value = 0n): WebAssembly.Global<'i64'> => new WebAssembly.Global({ value: 'i64', mutable: true }, value);

function hooksOf(fuel: WebAssembly.Global<'i64'>): WebAssembly.ModuleImports {
  const spent = (): never => {
    throw new Error('the floor has no fuel');
  };
  return {
    fuel,
    heap: cell(),
    room: () => {},
    refill: spent,
    grow: spent,
    allocate: spent,
    suspend: spent,
    resumed: spent,
  };
}

/** A metered instance whose fuel is a cell that is filled before each call. */
export class FloorActor {
  readonly #fuel: WebAssembly.Global<'i64'>;
  readonly #actor: HandWritten;
  lastMs = 0.5;

  constructor(module: WebAssembly.Module) {
    this.#fuel = cell(FUEL);
    const given = { [METERING]: hooksOf(this.#fuel) };
    this.#actor = new HandWritten(new WebAssembly.Instance(module, given).exports);
  }

  turn(message: ComponentMessage): Uint8Array | undefined {
    const began = performance.now();
    this.#fuel.value = FUEL;
    const reply = this.#actor.handleMessage(message);
    this.lastMs = performance.now() - began;
    return reply;
  }
}

interface Waiting {
  readonly actor: FloorActor;
  readonly payload: Uint8Array;
  readonly resolve: (reply: Uint8Array | undefined) => void;
}

/** A queue, a promise, refuelling and the call, written down for one type of message: without bounds, addresses or time-outs. */
export class Floor {
  #queue: Waiting[] = [];
  readonly #ready = Promise.resolve();
  readonly #run = (): void => {
    const queue = this.#queue;
    this.#queue = [];
    for (const { actor, payload, resolve } of queue) {
      resolve(actor.turn({ sender: HOST_ID, payload, metadata: METADATA }));
    }
  };

  request(actor: FloorActor, payload: Uint8Array): Promise<Uint8Array | undefined> {
    return new Promise((resolve) => {
      if (this.#queue.push({ actor, payload, resolve }) === 1) this.#ready.then(this.#run);
    });
  }
}

/** Makes instances of a component's one core module, metered. */
export function floorActors(component: Uint8Array): () => FloorActor {
  const [main] = linkComponent(readComponent(component)).modules;
  if (main === undefined) throw new Error('the component has no core module');
  const { bytes } = meter.meterModule(main.bytes, 'fuel');
  const module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  return () => new FloorActor(module);
}
