import type { InputStream, OutputStream } from 'wasi:io/streams@0.2.1';
import { decodeUtf8 } from '../utf8.ts';
import { ready } from './arrivals.ts';
import { ByteSource } from './byte-source.ts';
import type { AbortSignal } from './events.ts';

const MAX_READ = 64 * 1024;

/** A body of the host, and what it belongs to, which is dropped after its stream. */
export interface HostBody extends Disposable {
  stream(): InputStream;
}

/** The bytes of a body that the host has. It is opened when it is first read, so that one that nobody reads costs nothing. */
export class HostBytes extends ByteSource {
  readonly #open: () => HostBody;
  readonly #signal: AbortSignal | undefined;
  #body: HostBody | undefined;
  #stream: InputStream | undefined;
  #isOver = false;

  constructor(open: () => HostBody, signal?: AbortSignal) {
    super();
    this.#open = open;
    this.#signal = signal;
  }

  async next(): Promise<Uint8Array | undefined> {
    try {
      for (;;) {
        this.#signal?.throwIfAborted();
        const part = this.#read();
        if (part === undefined) this.cancel();
        if (part === undefined || part.length > 0) return part;
        await ready((this.#stream as InputStream).subscribe(), this.#signal);
      }
    } catch (error) {
      this.cancel();
      throw error;
    }
  }

  cancel(): void {
    this.#isOver = true;
    this.#stream?.[Symbol.dispose]();
    this.#body?.[Symbol.dispose]();
    this.#stream = undefined;
    this.#body = undefined;
  }

  /** Returns what has arrived, which may be nothing; undefined at the end. */
  #read(): Uint8Array | undefined {
    if (this.#isOver) return undefined;
    this.#body ??= this.#open();
    this.#stream ??= this.#body.stream();
    try {
      return this.#stream.read(MAX_READ);
    } catch (thrown) {
      if (payloadOf(thrown)?.tag === 'closed') return undefined;
      throw new TypeError('the body broke off', { cause: thrown });
    }
  }
}

/** Reads a header's value, which may be no UTF-8. */
export function latin1(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch {
    return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  }
}

/** Writes a body as fast as the host takes it, and drops the stream. The turn waits in the host. */
export function writeBytes(stream: OutputStream, bytes: Uint8Array): void {
  try {
    for (let at = 0; at < bytes.length; ) {
      const room = Math.min(Number(stream.checkWrite()), bytes.length - at);
      if (room === 0) stream.blockingFlush();
      else stream.write(bytes.subarray(at, at + room));
      at += room;
    }
    stream.blockingFlush();
  } finally {
    stream[Symbol.dispose]();
  }
}

/**
 * Writes a body part by part as fast as the host takes it, and drops the stream. Other promises of the turn go on meanwhile. Rejects with
 * the source's error, with the host's if nobody reads on, and with the signal's reason; the source is then cancelled.
 */
export async function writeParts(stream: OutputStream, source: ByteSource, signal?: AbortSignal): Promise<void> {
  try {
    for (;;) {
      const part = await source.next();
      signal?.throwIfAborted();
      if (part === undefined) break;
      for (let at = 0; at < part.length; ) {
        const room = Math.min(Number(stream.checkWrite()), part.length - at);
        if (room === 0) await ready(stream.subscribe(), signal);
        else stream.write(part.subarray(at, at + room));
        at += room;
      }
    }
    stream.flush();
    while (Number(stream.checkWrite()) === 0) await ready(stream.subscribe(), signal);
  } catch (error) {
    source.cancel(error);
    throw error;
  } finally {
    stream[Symbol.dispose]();
  }
}

/** The error case of a host call's result; undefined if the call failed otherwise. */
export function payloadOf(thrown: unknown): { readonly tag?: string } | undefined {
  return (thrown as { payload?: { tag?: string } } | undefined)?.payload;
}
