import type { FieldPairs } from '#core/waiting';
import { isConnectionHeader } from './network.ts';

const DIGITS = /^\d{1,15}$/;

/** The length that headers promise for a body. If they hold no valid number or different ones, it is NaN, which no body matches. */
export function promisedLength(headers: FieldPairs): number | undefined {
  let said: string | undefined;
  for (const [name, value] of headers) {
    if (!isLength(name)) continue;
    if (said !== undefined && said !== value) return Number.NaN;
    said = value;
  }
  if (said === undefined) return undefined;
  return DIGITS.test(said) ? Number(said) : Number.NaN;
}

/** Compares the bytes of a body with the length that its head promises, before they are passed on. */
export class LengthCheck {
  readonly #promised: number | undefined;
  readonly #of: 'answer' | 'request';
  #counted = 0;

  /** @param of the message whose body it is, for the error */
  constructor(promised: number | undefined, of: 'answer' | 'request' = 'answer') {
    this.#promised = promised;
    this.#of = of;
  }

  /**
   * Takes the next piece of the body, undefined at its end. The receiver would read bytes beyond the length as the next answer of the
   * connection, and the next answer as the bytes that are missing.
   * @throws {Error} if the body is longer or shorter than promised
   */
  take(piece: Uint8Array | undefined): void {
    if (this.#promised === undefined) return;
    this.#counted += piece?.length ?? 0;
    // Every comparison with a length that is no number is false.
    const fits = piece === undefined ? this.#counted === this.#promised : this.#counted <= this.#promised;
    if (fits) return;
    const bytes = `${piece === undefined ? '' : 'at least '}${this.#counted} bytes`;
    throw new Error(`the body of the ${this.#of} has ${bytes}, but its content-length says ${this.#promised}`);
  }
}

/** How the head of an answer and its body go together (RFC 9110, sections 6.4.1 and 8.6). */
export interface Framing {
  /** The headers that are sent, without those of the connection and without the length. */
  readonly headers: FieldPairs;
  /** The length that is sent; undefined for none. */
  readonly length: number | undefined;
  /** Whether a body is sent, which may be empty. A client reads none behind this head otherwise, whatever length it says. */
  readonly hasBody: boolean;
}

const WITHOUT_CONTENT = new Set([204, 205]);

/**
 * Decides the framing of an answer, which is the server's alone.
 * @throws {Error} for a length that is no number, and for two that differ, of which a proxy could believe another than the client
 */
export function framingOf(method: string, status: number, headers: FieldPairs): Framing {
  const length = promisedLength(headers);
  if (Number.isNaN(length)) throw new Error('the answer has a length that is no number, or two that differ');
  const others = headers.filter(([name]) => !isLength(name) && !isConnectionHeader(name.toLowerCase()));
  if (WITHOUT_CONTENT.has(status)) return { headers: others, length: undefined, hasBody: false };
  // These say the length that the body of a GET would have.
  if (method === 'HEAD' || status === 304) return { headers: others, length, hasBody: false };
  return { headers: others, length, hasBody: true };
}

function isLength(name: string): boolean {
  return name.length === 14 && name.toLowerCase() === 'content-length';
}
