import { GrowingBuffer } from '#core/text';
import type { HostState } from '#runtime/host';
import type { ByteSink } from './byte-streams.ts';
import { HostCharge } from './host-charge.ts';
import { ALWAYS_READY } from './readiness.ts';

/** A longer line becomes several. */
const MAX_LINE_BYTES = 8 * 1024;

/**
 * Standard output or error of one store. It gives each line to whoever takes the lines, and an unfinished line when the turn ends. Each
 * store has one sink per channel, however many streams write to it.
 */
export class LineSink implements ByteSink {
  readonly #state: HostState;
  readonly #take: (line: string) => void;
  readonly #line: GrowingBuffer;
  #endsWithTurn = false;

  constructor(state: HostState, take: (line: string) => void) {
    this.#state = state;
    this.#take = take;
    const charge = new HostCharge(state);
    this.#line = new GrowingBuffer(MAX_LINE_BYTES, (bytes) => {
      charge.must(bytes);
      return true;
    });
  }

  readonly ready: ByteSink['ready'] = ALWAYS_READY.ready;
  readonly whenReady: ByteSink['whenReady'] = ALWAYS_READY.whenReady;

  room(): number {
    return Number.POSITIVE_INFINITY;
  }

  write(contents: Uint8Array): void {
    let start = 0;
    for (let end = contents.indexOf(10); end !== -1; end = contents.indexOf(10, start)) {
      this.#keep(contents.subarray(start, end));
      this.#emit();
      start = end + 1;
    }
    this.#keep(contents.subarray(start));
    if (this.#line.length === 0 || this.#endsWithTurn) return;
    this.#endsWithTurn = true;
    this.#state.afterTurn(() => {
      this.#endsWithTurn = false;
      if (this.#line.length > 0) this.#emit();
    });
  }

  #keep(bytes: Uint8Array): void {
    let rest = bytes;
    while (!this.#line.append(rest)) {
      const fits = rest.subarray(0, MAX_LINE_BYTES - this.#line.length);
      this.#line.append(fits);
      this.#emit();
      rest = rest.subarray(fits.length);
    }
  }

  #emit(): void {
    const { buffer, byteOffset, length } = this.#line.bytes;
    const text = Buffer.from(buffer, byteOffset, length).toString('utf8');
    this.#line.clear();
    this.#take(text);
  }
}
