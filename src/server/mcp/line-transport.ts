import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/server';
import { parseForeignJson } from '#core/text';

export interface LineTransportOptions {
  readonly input: Readable;
  readonly output: Writable;
  /** The largest message in bytes; 8 MiB by default. A larger one is skipped and answered with an error. */
  readonly maxMessageBytes?: number | undefined;
  /** Checks the form of a message. @throws if the value is no message of JSON-RPC */
  readonly parse: (value: unknown) => JSONRPCMessage;
}

const NEWLINE = 0x0a;
/** The error codes of JSON-RPC 2.0. */
const [PARSE_ERROR, INVALID_REQUEST] = [-32_700, -32_600];
/** Bounds on the structure of a message. A call's arguments are the largest part of one. */
const STRUCTURE = { maxDepth: 210, maxItems: 1_000_000 };

/**
 * Messages of MCP as lines of JSON. A line is measured while it arrives, and its structure before it is parsed, because its sender may
 * pass on what a model wrote. The next line is read once the answers to the last ones have been taken, so that a client which
 * does not read cannot fill the host's memory.
 */
export class LineTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: NonNullable<Transport['onmessage']>;
  readonly #options: LineTransportOptions;
  readonly #closing = new AbortController();
  #pieces: Uint8Array[] = [];
  #length = 0;

  constructor(options: LineTransportOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#options.output.on('error', () => void this.close());
    void this.#read().finally(() => this.close());
  }

  async send(message: JSONRPCMessage): Promise<void> {
    this.#write(message);
    await this.#taken();
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#options.input.destroy();
    this.onclose?.();
  }

  async #read(): Promise<void> {
    try {
      for await (const chunk of this.#options.input) await this.#take(chunk as Uint8Array);
    } catch {
      // The stream was closed, by the client or by `close`.
    }
  }

  async #take(chunk: Uint8Array): Promise<void> {
    const { maxMessageBytes = 8 * 2 ** 20 } = this.#options;
    let rest = chunk;
    while (rest.length > 0 && !this.#closing.signal.aborted) {
      const end = rest.indexOf(NEWLINE);
      const piece = end === -1 ? rest : rest.subarray(0, end);
      this.#length += piece.length;
      if (this.#length <= maxMessageBytes) this.#pieces.push(piece);
      else this.#pieces = [];
      if (end === -1) return;
      rest = rest.subarray(end + 1);
      const line = Buffer.concat(this.#pieces);
      const isTooLong = this.#length > maxMessageBytes;
      this.#pieces = [];
      this.#length = 0;
      if (isTooLong) this.#refuse(null, INVALID_REQUEST, `a message has more than ${maxMessageBytes} bytes`);
      else this.#deliver(line);
      await this.#taken();
    }
  }

  #deliver(line: Uint8Array): void {
    if (line.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09)) return;
    let value: unknown;
    try {
      value = parseForeignJson(line, { ...STRUCTURE, maxLength: line.length });
    } catch {
      this.#refuse(null, PARSE_ERROR, 'a line is not JSON, or holds too many values');
      return;
    }
    let message: JSONRPCMessage;
    try {
      message = this.#options.parse(value);
    } catch {
      const { id } = (typeof value === 'object' && value !== null ? value : {}) as { readonly id?: unknown };
      const known = typeof id === 'string' || typeof id === 'number' ? id : null;
      this.#refuse(known, INVALID_REQUEST, 'a line is no message of JSON-RPC 2.0');
      return;
    }
    this.onmessage?.(message);
  }

  #refuse(id: string | number | null, code: number, message: string): void {
    this.#write({ jsonrpc: '2.0', id, error: { code, message } });
  }

  #write(message: unknown): void {
    if (!this.#closing.signal.aborted) this.#options.output.write(`${JSON.stringify(message)}\n`);
  }

  async #taken(): Promise<void> {
    const { output } = this.#options;
    if (!output.writableNeedDrain || this.#closing.signal.aborted) return;
    await once(output, 'drain', { signal: this.#closing.signal }).catch(() => undefined);
  }
}
