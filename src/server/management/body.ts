import { parseForeignJson } from '#core/text';
import { problem } from './problem.ts';

/** Thrown by what reads a request, with the response that says what is wrong with it. */
export class Refused extends Error {
  readonly response: Response;

  constructor(status: number, detail: string) {
    super(detail);
    this.response = problem(status, detail);
  }
}

/** Reads a body of at most `most` bytes. @throws {Refused} 413 */
export async function bytesOf(request: Request, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const announced = Number(request.headers.get('content-length') ?? 0);
  if (announced > most) throw tooLarge(most);
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of request.body ?? []) {
    length += piece.length;
    if (length > most) throw tooLarge(most);
    pieces.push(piece);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Reads a body that is one JSON object. @throws {Refused} 413, 415, 400 */
export async function objectOf(request: Request, most: number): Promise<Readonly<Record<string, unknown>>> {
  if (mediaType(request) !== 'application/json') throw new Refused(415, 'the body must be application/json');
  const bytes = await bytesOf(request, most);
  let value: unknown;
  try {
    value = parseForeignJson(bytes, { maxLength: most, maxItems: 10_000 });
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
