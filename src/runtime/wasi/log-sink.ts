import type { CurrentStore, LogChannel } from '../host-state.ts';
import type { ByteSink } from './byte-streams.ts';

/** What is logged as one line at most. */
const MAX_LINE_BYTES = 8 * 1024;

/** Standard output or error: whole lines become log records of the store that writes. */
export class LogSink implements ByteSink {
  readonly #current: CurrentStore;
  readonly #channel: LogChannel;
  #line: Uint8Array[] = [];
  #lineBytes = 0;

  constructor(current: CurrentStore, channel: LogChannel) {
    this.#current = current;
    this.#channel = channel;
  }

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
  }

  flush(): void {
    if (this.#lineBytes > 0) this.#emit();
  }

  #keep(bytes: Uint8Array): void {
    let rest = bytes;
    while (this.#lineBytes + rest.length > MAX_LINE_BYTES) {
      const fits = rest.subarray(0, MAX_LINE_BYTES - this.#lineBytes);
      this.#push(fits);
      this.#emit();
      rest = rest.subarray(fits.length);
    }
    if (rest.length > 0) this.#push(rest);
  }

  #push(bytes: Uint8Array): void {
    this.#line.push(bytes.slice());
    this.#lineBytes += bytes.length;
  }

  #emit(): void {
    const text = Buffer.concat(this.#line, this.#lineBytes).toString('utf8');
    this.#line = [];
    this.#lineBytes = 0;
    this.#current.state.log(this.#channel, text, []);
  }
}
