import { parseForeignJson } from '#core/text';
import { problem } from './problem.ts';

/** Thrown by what reads a request, with the response that says what is wrong with it. */
export class Refused extends Error {
  readonly response: Response;

  constructor(status: number, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.response = problem(status, detail, { headers });
  }
}

/**
 * Reads bodies that are needed whole. Together they have a bound of their own, because each connection of a client with a token could
 * hold as much as one body may have.
 */
export class WholeBodies {
  readonly #most: number;
  readonly #mostTogether: number;
  #taken = 0;

  /** @param most the bytes of one body @param mostTogether the bytes of all bodies that are read or used at a time */
  constructor(most: number, mostTogether: number = 4 * most) {
    this.#most = most;
    this.#mostTogether = mostTogether;
  }

  /** Calls `use` with a body, whose bytes count until that has ended. @throws {Refused} 413, 503, and what `use` throws */
  async whole<T>(request: Request, use: (bytes: Uint8Array<ArrayBuffer>) => T | Promise<T>): Promise<T> {
    const announced = Number(request.headers.get('content-length') ?? 0);
    if (announced > this.#most) throw tooLarge(this.#most);
    const pieces: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const piece of request.body ?? []) {
        if (length + piece.length > this.#most) throw tooLarge(this.#most);
        if (this.#taken + piece.length > this.#mostTogether) throw tooMany();
        this.#taken += piece.length;
        length += piece.length;
        pieces.push(piece);
      }
      return await use(joined(pieces, length));
    } finally {
      this.#taken -= length;
    }
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Reads one JSON object. @throws {Refused} 400 */
export function objectOf(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseForeignJson(bytes, { maxLength: bytes.length, maxItems: 10_000 });
  } catch {
    throw new Refused(400, 'the body is not JSON, or holds too many values');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Refused(400, 'the body is not a JSON object');
}

/** The type of a request's body in lower case, without parameters. */
export function mediaType(request: Request): string {
  const [type = ''] = (request.headers.get('content-type') ?? '').split(';', 1);
  return type.trim().toLowerCase();
}

function tooLarge(most: number): Refused {
  return new Refused(413, `the body has more than ${most} bytes`);
}

function tooMany(): Refused {
  return new Refused(503, 'the bodies of other requests take all memory that there is for them; try again later', {
    'retry-after': '1',
  });
}
