import type { ComponentId } from '#core';
import type { ComponentMessage } from '#core/messages';

const LIFECYCLE = 'vivarium:actor/lifecycle@0.1.0';

/**
 * The floor: `handle-message` lowered and lifted by hand, with no check of anything. Of what a message may have, it knows
 * a correlation id with an address for the answer, which is what a request has.
 */
export class HandWritten {
  readonly #call: (pointer: number) => number;
  readonly #postReturn: (pointer: number) => void;
  readonly #realloc: (old: number, oldSize: number, align: number, size: number) => number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(exports: WebAssembly.Exports) {
    this.#call = exports[`${LIFECYCLE}#handle-message`] as (pointer: number) => number;
    this.#postReturn = exports[`cabi_post_${LIFECYCLE}#handle-message`] as (pointer: number) => void;
    this.#realloc = exports.cabi_realloc as (old: number, oldSize: number, align: number, size: number) => number;
    const { buffer } = exports.memory as WebAssembly.Memory;
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
  }

  handleMessage({ sender, payload, metadata }: ComponentMessage): Uint8Array | undefined {
    const [bytes, view] = [this.#bytes, this.#view];
    const at = this.#realloc(0, 0, 8, 144);
    this.#id(sender, at);
    const start = this.#realloc(0, 0, 1, payload.length);
    bytes.set(payload, start);
    view.setUint32(at + 24, start, true);
    view.setUint32(at + 28, payload.length, true);
    view.setBigInt64(at + 32, metadata.messageId, true);
    if (metadata.correlationId === undefined || metadata.replyTo === undefined) {
      bytes[at + 40] = 0;
      bytes[at + 52] = 0;
    } else {
      bytes[at + 40] = 1;
      this.#string(metadata.correlationId, at + 44);
      bytes[at + 52] = 1;
      this.#id(metadata.replyTo, at + 56);
    }
    view.setBigInt64(at + 80, metadata.timestamp.seconds, true);
    view.setUint32(at + 88, metadata.timestamp.nanoseconds, true);
    bytes[at + 96] = 0;
    bytes[at + 108] = 0;
    view.setUint32(at + 120, this.#realloc(0, 0, 4, 0), true);
    view.setUint32(at + 124, 0, true);
    bytes[at + 128] = 0;
    const answer = this.#call(at);
    const from = view.getUint32(answer + 8, true);
    const reply = bytes.slice(from, from + view.getUint32(answer + 12, true));
    this.#postReturn(answer);
    return reply;
  }

  #id({ namespace, name, instance }: ComponentId, at: number): void {
    this.#string(namespace, at);
    this.#string(name, at + 8);
    this.#string(instance, at + 16);
  }

  #string(text: string, at: number): void {
    const start = this.#realloc(0, 0, 1, text.length);
    for (let index = 0; index < text.length; index++) this.#bytes[start + index] = text.charCodeAt(index);
    this.#view.setUint32(at, start, true);
    this.#view.setUint32(at + 4, text.length, true);
  }
}
