import { install } from './install.ts';

type Listener = ((event: Event) => void) | { handleEvent(event: Event): void };

/** One listener for one event type. A second registration of the same function for the same type is ignored. */
interface Registration {
  readonly listener: Listener;
  readonly once: boolean;
}

class Event {
  readonly type: string;
  readonly cancelable: boolean;
  target: EventTarget | null = null;
  currentTarget: EventTarget | null = null;
  defaultPrevented = false;
  stopped = false;

  constructor(...given: [type: string, options?: { cancelable?: boolean }]) {
    if ((given as readonly unknown[]).length === 0) throw new TypeError('an event has a type');
    const [type, { cancelable = false } = {}] = given;
    this.type = String(type);
    this.cancelable = cancelable;
  }

  preventDefault(): void {
    if (this.cancelable) this.defaultPrevented = true;
  }

  stopPropagation(): void {}

  stopImmediatePropagation(): void {
    this.stopped = true;
  }
}

class EventTarget {
  readonly #listeners = new Map<string, Registration[]>();

  addEventListener(
    type: string,
    listener: Listener | null,
    options: boolean | { once?: boolean; signal?: AbortSignal } = {},
  ): void {
    const { once = false, signal = undefined } = typeof options === 'object' ? options : {};
    if (listener === null || signal?.aborted === true) return;
    const registered = this.#listeners.get(type) ?? [];
    if (registered.some((each) => each.listener === listener)) return;
    this.#listeners.set(type, [...registered, { listener, once }]);
    signal?.addEventListener('abort', () => this.removeEventListener(type, listener), { once: true });
  }

  removeEventListener(type: string, listener: Listener | null): void {
    const registered = this.#listeners.get(type) ?? [];
    this.#listeners.set(
      type,
      registered.filter((each) => each.listener !== listener),
    );
  }

  dispatchEvent(event: Event): boolean {
    if (!(event instanceof Event)) throw new TypeError('dispatchEvent takes an Event');
    event.target = this;
    event.currentTarget = this;
    for (const registration of this.#listeners.get(event.type) ?? []) {
      const { listener, once } = registration;
      // A listener may have removed a later one.
      if (this.#listeners.get(event.type)?.includes(registration) !== true) continue;
      if (once) this.removeEventListener(event.type, listener);
      told(() => (typeof listener === 'function' ? listener.call(this, event) : listener.handleEvent(event)));
      if (event.stopped) break;
    }
    event.currentTarget = null;
    return !event.defaultPrevented;
  }
}

/** What a listener throws must not keep the others from hearing of the event. It is reported as an unhandled rejection. */
function told(tell: () => unknown): void {
  try {
    tell();
  } catch (error) {
    void Promise.reject(error);
  }
}

let made = false;
let abort: (signal: AbortSignal, reason: unknown) => void;

export class AbortSignal extends EventTarget {
  #aborted = false;
  #reason: unknown;
  onabort: ((event: Event) => void) | null = null;

  constructor() {
    super();
    if (!made) throw new TypeError('Illegal constructor: make an AbortController');
    made = false;
  }

  static {
    abort = (signal, reason) => {
      if (signal.#aborted) return;
      signal.#aborted = true;
      signal.#reason = reason ?? new DOMException('This operation was aborted', 'AbortError');
      const event = new Event('abort');
      const { onabort } = signal;
      if (onabort !== null) told(() => onabort.call(signal, event));
      signal.dispatchEvent(event);
    };
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
  }

  static abort(reason?: unknown): AbortSignal {
    const signal = makeSignal();
    abort(signal, reason);
    return signal;
  }

  static timeout(ms: number): AbortSignal {
    const signal = makeSignal();
    setTimeout(() => abort(signal, new DOMException('The operation was aborted due to timeout', 'TimeoutError')), ms);
    return signal;
  }

  static any(signals: Iterable<AbortSignal>): AbortSignal {
    const any = makeSignal();
    for (const signal of signals) {
      if (signal.aborted) {
        abort(any, signal.reason);
        break;
      }
      signal.addEventListener('abort', () => abort(any, signal.reason), { once: true });
    }
    return any;
  }
}

function makeSignal(): AbortSignal {
  made = true;
  return new AbortSignal();
}

export class AbortController {
  readonly signal: AbortSignal = makeSignal();

  abort(reason?: unknown): void {
    abort(this.signal, reason);
  }
}

install({ Event, EventTarget, AbortSignal, AbortController });
