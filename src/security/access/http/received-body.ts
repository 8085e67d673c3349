import { type BytePipe, type FieldPairs, PIPE_BYTES } from '#core/waiting';
import { Failure } from './failure.ts';

/**
 * The most pieces of an answer, beyond one for each so many bytes. A piece of one byte costs the host a hundred times
 * as much per byte; a server that writes line by line stays below this.
 */
const FREE_PIECES = 4_096;
const BYTES_PER_PIECE = 16;

/** The most answers of kind 1xx before the final one. A server may send them without end, and each costs as much as an answer. */
const MOST_PRELIMINARY = 16;

/** Counts what an answer costs beyond its bytes. */
export class AnswerBounds {
  #pieces = 0;
  #bytes = 0;
  #preliminary = 0;

  /** Counts a piece of the body. Returns why the exchange must end, if it must. */
  piece(bytes: number): Failure | undefined {
    this.#pieces += 1;
    this.#bytes += bytes;
    if (this.#pieces <= FREE_PIECES + this.#bytes / BYTES_PER_PIECE) return undefined;
    return new Failure('too-large', 'the answer comes in too small pieces');
  }

  preliminary(): Failure | undefined {
    this.#preliminary += 1;
    return this.#preliminary > MOST_PRELIMINARY
      ? new Failure('too-large', 'the server answers 1xx without end')
      : undefined;
  }
}

export interface Flow {
  pause(): void;
  resume(): void;
  readonly isPaused: boolean;
  /** Ends the exchange, because nobody reads its answer any more. */
  drop(): void;
  fail(cause: Failure): void;
}

/**
 * Writes one piece into the body, which copies it: keeping the piece would keep the whole block into which it was read. The
 * connection is paused while the body is full.
 */
export function receivePiece(body: BytePipe, piece: Uint8Array, bounds: AnswerBounds, flow: Flow): void {
  const failure = bounds.piece(piece.length);
  if (failure !== undefined) flow.fail(failure);
  else if (body.write(piece)) {
    if (body.room === 0) flow.pause();
  } else if (!body.cancelled) flow.fail(new Failure('too-large', 'the answer is not kept'));
}

/** Lets the connection follow the body's reader. */
export function followReader(body: BytePipe, flow: Flow): void {
  body.changed.add(() => {
    if (body.cancelled) flow.drop();
    else if (flow.isPaused && body.length <= PIPE_BYTES / 2) flow.resume();
  });
}

/** Returns the names and values that a parser gives alternately, as texts or as bytes, with names in lower case. */
export function pairsOf(raw: readonly (string | Buffer)[]): FieldPairs {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([textOf(raw[i]).toLowerCase(), textOf(raw[i + 1])]);
  return pairs;
}

function textOf(part: string | Buffer | undefined): string {
  return typeof part === 'string' ? part : (part?.toString('latin1') ?? '');
}
