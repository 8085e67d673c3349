import { shownValue } from '#core/text';

/** Says why a value is refused, and where in the argument or answer it is. The place is built from the inside out while the checks unwind. */
export class Refusal extends Error {
  #place = '';
  readonly #why: string;

  constructor(why: string) {
    super(why);
    this.#why = why;
  }

  /** Adds a step at the front of the place, because the value was a property of another value, or an item of a list. */
  inside(step: string | number): this {
    this.#place = `${typeof step === 'number' ? `[${step}]` : `.${step}`}${this.#place}`;
    return this;
  }

  /** A property path as JavaScript writes it, without the argument that it begins at; empty for the argument itself. */
  get place(): string {
    return this.#place.startsWith('.') ? this.#place.slice(1) : this.#place;
  }

  /** As `argument 2, field items[3].price: a u32 is expected, not -1`. */
  inArgument(number: number): string {
    const where = this.#where();
    return `argument ${number}${where === '' ? '' : `, ${where}`}: ${this.#why}`;
  }

  /** As `field items[3].price: a u32 is expected, not -1`. */
  inAnswer(): string {
    const where = this.#where();
    return where === '' ? this.#why : `${where}: ${this.#why}`;
  }

  #where(): string {
    const { place } = this;
    return place === '' ? '' : `${place.startsWith('[') ? 'item' : 'field'} ${place}`;
  }
}

/** @param expected with its article, as `a u32` */
export function unexpected(expected: string, value: unknown): Refusal {
  return new Refusal(
    value === undefined
      ? `${expected} is expected, and it is missing`
      : `${expected} is expected, not ${shownValue(value)}`,
  );
}
