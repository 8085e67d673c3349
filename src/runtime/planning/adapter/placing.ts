import { EXCHANGE_BYTES, MOST_GIVEN, MOST_KEPT, PARAMETERS } from '#runtime/exchange';
import type { ValueType } from '#wasm';
import { type Code, isNestedOption, key } from '../code.ts';
import { layoutOf, layoutsOf, offsetsOf } from '../layout.ts';

/**
 * How an adapter lowers one part of its function's parameters, `at` bytes into their record. Small numbers, lengths and
 * discriminants reach the adapter as parameters of its own, by number; everything else lies at a `place` in the exchange.
 */
export type AdapterStep =
  | { readonly kind: 'number'; readonly at: number; readonly parameter: number; readonly bytes: number }
  | { readonly kind: 'i64'; readonly at: number; readonly place: number }
  | { readonly kind: 'text' | 'bytes'; readonly at: number; readonly place: number; readonly length: number }
  /** An empty list, for which the adapter still calls the guest's allocator. */
  | { readonly kind: 'empty'; readonly at: number; readonly align: number }
  /** The discriminant of `none`, for an option whose payload cannot go through the exchange. */
  | { readonly kind: 'none'; readonly at: number }
  | { readonly kind: 'option'; readonly at: number; readonly parameter: number; readonly some: readonly AdapterStep[] };

export function countSteps(steps: readonly AdapterStep[]): number {
  return steps.reduce((sum, step) => sum + 1 + (step.kind === 'option' ? countSteps(step.some) : 0), 0);
}

/** Spare bytes behind the longest value of a place, because adapters read the last word whole. */
const SPARE = 8;

/** Gives the functions of a component places in the exchange, one after the other, and names for the texts in them. */
export class Places {
  #next = PARAMETERS;
  readonly texts: string[] = [];

  /** Keeps the places that `give` takes. They are free again where `give` answers undefined or takes more than the exchange has. */
  tryOut<T>(give: () => T | undefined): T | undefined {
    const [next, texts] = [this.#next, this.texts.length];
    const given = give();
    if (given !== undefined && this.#next <= EXCHANGE_BYTES) return given;
    this.#next = next;
    this.texts.length = texts;
    return undefined;
  }

  take(bytes: number): number {
    const at = this.#next;
    this.#next += Math.ceil((bytes + SPARE) / 8) * 8;
    return at;
  }

  text(): string {
    const name = `text${this.texts.length}`;
    this.texts.push(name);
    return name;
  }
}

/** Whether the values that calls mostly have of the type can go through the exchange. */
export function travels(type: ValueType): boolean {
  switch (type.kind) {
    case 'bool':
    case 'u8':
    case 's8':
    case 'u16':
    case 's16':
    case 'u32':
    case 's32':
    case 'u64':
    case 's64':
    case 'string':
    case 'list':
      return true;
    case 'record':
      return type.fields.every((field) => travels(field.type));
    case 'tuple':
      return type.elements.every(travels);
    case 'option':
      return !isNestedOption(type);
    default:
      return false;
  }
}

/** Writes the code that copies one function's arguments to their places, or leaves the block `placing` where they do not fit. */
export class Placing {
  readonly #code: Code;
  readonly #places: Places;
  /** The names of the adapter's own parameters. */
  readonly parameters: string[] = [];

  /** @param code relies on the local names `abi`, `x` (the exchange), `xd` (its DataView) and `me` (an object that no argument equals) */
  constructor(code: Code, places: Places) {
    this.#code = code;
    this.#places = places;
  }

  #parameter(): { readonly parameter: number; readonly name: string } {
    const name = `p${this.parameters.length}`;
    return { parameter: this.parameters.push(name) - 1, name };
  }

  steps(type: ValueType, value: string, at: number): AdapterStep[] {
    const code = this.#code;
    switch (type.kind) {
      case 'string':
        return [this.#text(value, at)];
      case 'list': {
        if (type.element.kind === 'u8') {
          const place = this.#places.take(MOST_GIVEN);
          const { parameter: length, name } = this.#parameter();
          code.line(`if (!x.placeBytes(${value}, ${place})) break placing;`);
          code.line(`${name} = ${value}.length;`);
          return [{ kind: 'bytes', at, place, length }];
        }
        code.line(`if (!Array.isArray(${value}) || ${value}.length !== 0) break placing;`);
        return [{ kind: 'empty', at, align: layoutOf(type.element, false).align }];
      }
      case 'record': {
        const offsets = offsetsOf(type.fields.map((field) => layoutOf(field.type, false)));
        return type.fields.flatMap((field, index) =>
          this.steps(field.type, code.let(`${value}[${key(field.name)}]`), at + (offsets[index] as number)),
        );
      }
      case 'tuple': {
        const offsets = offsetsOf(layoutsOf(type.elements, false));
        return type.elements.flatMap((element, index) =>
          this.steps(element, code.let(`${value}[${index}]`), at + (offsets[index] as number)),
        );
      }
      case 'option':
        return [this.#option(type.element, value, at)];
      case 'u64':
      case 's64': {
        const place = this.#places.take(8);
        code.line(`abi.storeI64(xd, ${place}, ${value});`);
        return [{ kind: 'i64', at, place }];
      }
      default: {
        const { parameter, name } = this.#parameter();
        code.line(`${name} = ${type.kind === 'bool' ? `${value} ? 1 : 0` : `${value} | 0`};`);
        return [{ kind: 'number', at, parameter, bytes: layoutOf(type, false).size }];
      }
    }
  }

  /** Callers pass the same few texts again and again, so the code does not copy a text that lies in its place already. */
  #text(value: string, at: number): AdapterStep {
    const code = this.#code;
    const place = this.#places.take(MOST_KEPT);
    const kept = this.#places.text();
    const { parameter: length, name } = this.#parameter();
    code.line(`if (${value} !== ${kept}) {`);
    const how = code.let(`x.placeText(${value}, ${place})`);
    code.line(`${kept} = ${how} === 1 ? ${value} : me;`);
    code.line(`if (${how} === 0) break placing;`);
    code.line('}');
    code.line(`${name} = ${value}.length;`);
    return { kind: 'text', at, place, length };
  }

  #option(element: ValueType, value: string, at: number): AdapterStep {
    const code = this.#code;
    if (!travels(element)) {
      code.line(`if (${value} !== undefined && ${value} !== null) break placing;`);
      return { kind: 'none', at };
    }
    const { parameter, name } = this.#parameter();
    code.line(`if (${value} !== undefined && ${value} !== null) {`);
    code.line(`${name} = 1;`);
    const some = this.steps(element, value, at + layoutOf(element, false).align);
    code.line('}');
    return { kind: 'option', at, parameter, some };
  }
}
