import { decode } from 'cborg';
import { messageOf } from '#core/errors';
import { parseForeignJson } from '#core/text';
import { encodeCbor } from './cbor.ts';
import { MessagingError } from './errors.ts';

/** Encodes values as bytes. Each message carries the content type, which tells the receiver how to decode it. */
export interface Codec {
  readonly contentType: string;
  /** @throws {MessagingError} `MESSAGING_CODEC` */
  encode(value: unknown): Uint8Array;
  /** Decodes a value from a guest, so callers must check its shape. @throws {MessagingError} `MESSAGING_CODEC` */
  decode(bytes: Uint8Array): unknown;
}

export type CodecName = 'bytes' | 'text' | 'json' | 'cbor';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The mailbox bounds a payload's length. The sender chooses its contents, so depth and items are bounded here. */
const JSON_BOUNDS = { maxLength: Number.POSITIVE_INFINITY, maxDepth: 256, maxItems: 1_000_000 };

export const codecs: Readonly<Record<CodecName, Codec>> = {
  bytes: codec(
    'application/octet-stream',
    (value) => {
      if (!(value instanceof Uint8Array)) throw new TypeError(`not a Uint8Array but ${typeof value}`);
      return value;
    },
    (bytes) => bytes,
  ),
  text: codec(
    'text/plain; charset=utf-8',
    (value) => {
      if (typeof value !== 'string') throw new TypeError(`expected a text, got ${typeof value}`);
      return Buffer.from(value);
    },
    (bytes) => utf8.decode(bytes),
  ),
  json: codec(
    'application/json',
    (value) => {
      const text = JSON.stringify(value);
      if (text === undefined) throw new TypeError(`JSON has no ${typeof value}`);
      return Buffer.from(text);
    },
    (bytes) => parseForeignJson(bytes, JSON_BOUNDS),
  ),
  cbor: codec('application/cbor', encodeCbor, (bytes) => decode(bytes, { strict: true, rejectDuplicateMapKeys: true })),
};

function codec(
  contentType: string,
  write: (value: unknown) => Uint8Array,
  read: (bytes: Uint8Array) => unknown,
): Codec {
  const attempt = <T>(what: string, run: () => T): T => {
    try {
      return run();
    } catch (cause) {
      throw new MessagingError(
        'MESSAGING_CODEC',
        `the value cannot be ${what} as ${contentType}: ${messageOf(cause)}`,
        {
          cause,
        },
      );
    }
  };
  return {
    contentType,
    encode: (value) => attempt('written', () => write(value)),
    decode: (bytes) => attempt('read', () => read(bytes)),
  };
}
