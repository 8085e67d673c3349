const MOST_DEPTH = 16;

/**
 * Formats data from outside for messages: like JSON, at most `most` UTF-16 units, with `…` if there is more. It reads
 * no more of the data than it shows, so a list of thirty million bytes costs as much as a short one. It reads the parts
 * of plain data only.
 */
export function shownData(value: unknown, most: number): string {
  const shown = new ShownData(most);
  shown.add(value, 0);
  return shown.text;
}

class ShownData {
  readonly #most: number;
  #text = '';
  #full = false;

  constructor(most: number) {
    this.#most = most;
  }

  get text(): string {
    return this.#full ? `${this.#text}…` : this.#text;
  }

  add(value: unknown, depth: number): void {
    if (this.#full) return;
    if (typeof value === 'string') this.#put(JSON.stringify(value.slice(0, this.#most)), value.length > this.#most);
    else if (typeof value !== 'object' || value === null) this.#put(String(value));
    else if (depth === MOST_DEPTH) this.#put('…');
    else if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) {
      this.#addList(value as unknown as ArrayLike<unknown>, depth);
    } else this.#addObject(value, depth);
  }

  #addList(list: ArrayLike<unknown>, depth: number): void {
    this.#put('[');
    for (let index = 0; index < list.length && !this.#full; index++) {
      if (index > 0) this.#put(',');
      this.add(list[index], depth + 1);
    }
    this.#put(']');
  }

  #addObject(value: object, depth: number): void {
    this.#put('{');
    let first = true;
    for (const name in value) {
      if (this.#full) break;
      const part = (value as Record<string, unknown>)[name];
      if (part === undefined) continue;
      this.#put(`${first ? '' : ','}${JSON.stringify(name.slice(0, this.#most))}:`);
      this.add(part, depth + 1);
      first = false;
    }
    this.#put('}');
  }

  #put(text: string, cut = false): void {
    if (this.#full) return;
    const room = this.#most - this.#text.length;
    this.#full = cut || text.length > room;
    this.#text += text.length > room ? text.slice(0, room) : text;
  }
}
