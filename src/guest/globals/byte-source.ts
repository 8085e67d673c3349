/** The bytes of a body, which arrive in parts and are fetched when somebody wants them. */
export abstract class ByteSource {
  /** Returns the next part; undefined at the end. Rejects if the body breaks off. */
  abstract next(): Promise<Uint8Array | undefined>;

  /** Says that nobody reads on. */
  abstract cancel(reason?: unknown): void;
}

/** Collects a body. Rejects if it breaks off. */
export async function collect(source: ByteSource): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const part = await source.next();
    if (part === undefined) break;
    parts.push(part);
    length += part.length;
  }
  if (parts.length === 1) return parts[0] as Uint8Array;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Makes two sources of one. What one of them has read and the other has not is kept. */
export function split(source: ByteSource): readonly [ByteSource, ByteSource] {
  const shared = { source, open: 2 };
  const first: Part = {};
  return [new Branch(shared, first), new Branch(shared, first)];
}

/** A part that both branches read, and the one after it. Parts that both have read are no longer referenced. */
interface Part {
  bytes?: Promise<Uint8Array | undefined>;
  following?: Part;
}

class Branch extends ByteSource {
  readonly #shared: { readonly source: ByteSource; open: number };
  #part: Part | undefined;

  constructor(shared: { readonly source: ByteSource; open: number }, part: Part) {
    super();
    this.#shared = shared;
    this.#part = part;
  }

  async next(): Promise<Uint8Array | undefined> {
    const part = this.#part;
    if (part === undefined) return undefined;
    part.bytes ??= this.#shared.source.next();
    part.following ??= {};
    this.#part = part.following;
    return part.bytes;
  }

  cancel(reason?: unknown): void {
    if (this.#part === undefined) return;
    this.#part = undefined;
    this.#shared.open -= 1;
    if (this.#shared.open === 0) this.#shared.source.cancel(reason);
  }
}
