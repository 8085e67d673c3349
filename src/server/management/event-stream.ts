import type { Clock } from '#core/ports/clock';
import { every } from '#core/waiting';
import { problem } from './problem.ts';

/** Writes events to one client of a stream. */
export interface EventWriter {
  /** Writes an event. The promise resolves when the client has room for another one, or has left. */
  send(event: string, data: string): Promise<void>;
  /** Whether the client has not yet read what was written before. */
  readonly isBehind: boolean;
  /** Aborted when the client has left. */
  readonly left: AbortSignal;
}

/** Milliseconds between two comments that keep an idle connection open, since servers and proxies close it otherwise. */
const KEEP_ALIVE_MS = 15_000;

/** Answers with server-sent events, to a bounded number of clients at a time. */
export class EventStreams implements Disposable {
  readonly #most: number;
  readonly #clock: Pick<Clock, 'after'>;
  /** What ends each stream that is open. */
  readonly #open = new Set<() => void>();
  #hasEnded = false;

  constructor(most: number, clock: Pick<Clock, 'after'>) {
    this.#most = most;
    this.#clock = clock;
  }

  /** Ends all streams, so that a server which ends does not wait for clients that would read for ever. */
  [Symbol.dispose](): void {
    this.#hasEnded = true;
    for (const close of this.#open) close();
  }

  /** @param begin starts to write events; what it returns is called when the client has left */
  respond(begin: (writer: EventWriter) => (() => void) | Promise<() => void>): Response {
    if (this.#hasEnded) return problem(503, 'the server ends');
    if (this.#open.size >= this.#most)
      return problem(503, `${this.#most} streams are open, which is the most; close one`);
    const left = new AbortController();
    let waiting: (() => void)[] = [];
    const wake = (): void => {
      for (const each of waiting) each();
      waiting = [];
    };
    const end = (): void => {
      if (left.signal.aborted) return;
      this.#open.delete(close);
      left.abort();
      wake();
    };
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
    const close = (): void => {
      end();
      controller?.close();
    };
    this.#open.add(close);
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      start: async (given) => {
        controller = given;
        const write = (text: string): void => {
          if (!left.signal.aborted) given.enqueue(encoder.encode(text));
        };
        const isBehind = (): boolean => (given.desiredSize ?? 0) <= 0;
        const stopTimer = every(this.#clock, KEEP_ALIVE_MS, () => {
          if (!isBehind()) write(':\n\n');
        });
        left.signal.addEventListener('abort', stopTimer, { once: true });
        write(':\n\n');
        const writer: EventWriter = {
          left: left.signal,
          get isBehind() {
            return isBehind();
          },
          async send(event, data) {
            write(
              `event: ${event}\n${data
                .split(/\r\n|\r|\n/)
                .map((line) => `data: ${line}\n`)
                .join('')}\n`,
            );
            if (isBehind() && !left.signal.aborted) await new Promise<void>((resolve) => waiting.push(resolve));
          },
        };
        let stop: () => void;
        try {
          stop = await begin(writer);
        } catch (error) {
          end();
          throw error;
        }
        if (left.signal.aborted) stop();
        else left.signal.addEventListener('abort', stop, { once: true });
      },
      pull: wake,
      cancel: end,
    });
    const headers = {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    };
    return new Response(body, { headers });
  }
}
