import { encodeUtf8 } from '../utf8.ts';
import { install } from './install.ts';
import { Utf8Decoder } from './utf8-decoder.ts';

const UTF8_LABELS = new Set([
  'unicode-1-1-utf-8',
  'unicode11utf8',
  'unicode20utf8',
  'utf-8',
  'utf8',
  'x-unicode20utf8',
]);

class TextEncoder {
  get encoding(): string {
    return 'utf-8';
  }

  encode(text = ''): Uint8Array {
    return encodeUtf8(String(text));
  }

  encodeInto(text: string, into: Uint8Array): { read: number; written: number } {
    let [read, written] = [0, 0];
    for (const character of text) {
      const bytes = encodeUtf8(character);
      if (written + bytes.length > into.length) break;
      into.set(bytes, written);
      written += bytes.length;
      read += character.length;
    }
    return { read, written };
  }
}

interface DecoderOptions {
  readonly fatal?: boolean;
  readonly ignoreBOM?: boolean;
}

class TextDecoder {
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  #decoder: Utf8Decoder | undefined;

  constructor(label = 'utf-8', { fatal = false, ignoreBOM = false }: DecoderOptions = {}) {
    if (!UTF8_LABELS.has(String(label).trim().toLowerCase())) {
      throw new RangeError(`TextDecoder of a guest knows utf-8 alone, not ${label}`);
    }
    this.fatal = fatal;
    this.ignoreBOM = ignoreBOM;
  }

  get encoding(): string {
    return 'utf-8';
  }

  decode(
    bytes: ArrayBuffer | ArrayBufferView = new Uint8Array(),
    { stream = false }: { stream?: boolean } = {},
  ): string {
    this.#decoder ??= new Utf8Decoder(this.fatal, this.ignoreBOM);
    const decoder = this.#decoder;
    if (!stream) this.#decoder = undefined;
    return decoder.decode(bytesOf(bytes), stream);
  }
}

function bytesOf(source: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (!ArrayBuffer.isView(source)) throw new TypeError('TextDecoder decodes an ArrayBuffer or a view of one');
  return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
}

install({ TextEncoder, TextDecoder });
