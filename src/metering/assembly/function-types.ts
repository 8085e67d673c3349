import { ByteWriter, type coreModule } from '#wasm';
import { MeteringError } from '../errors.ts';
import { I64 } from '../opcode.ts';

const COUNTER = Uint8Array.of(I64);
const encoding = ({ bytes }: coreModule.ValueType): Uint8Array => bytes;

/** The module's function types, and the types that metering appends on first use. */
export class FunctionTypes {
  readonly appended: Uint8Array[] = [];
  readonly #module: coreModule.CoreModule;
  readonly #indices = new Map<string, number>();
  readonly #withCounter: number[] = [];

  constructor(module: coreModule.CoreModule) {
    this.#module = module;
  }

  at(index: number): coreModule.FunctionType {
    const type = this.#module.types[index];
    if (type?.kind !== 'function')
      throw new MeteringError('METERING_INVALID_MODULE', `type ${index} is not a function type`);
    return type;
  }

  /** Returns the index of a function type, and appends the type if it is new. */
  index(parameters: readonly Uint8Array[], results: readonly Uint8Array[]): number {
    const key = `${parameters.join(';')}>${results.join(';')}`;
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    const writer = new ByteWriter(16).u8(0x60);
    for (const list of [parameters, results]) {
      writer.u32(list.length);
      for (const type of list) writer.raw(type);
    }
    const index = this.#module.types.length + this.appended.length;
    this.appended.push(writer.finish());
    this.#indices.set(key, index);
    return index;
  }

  /** Returns the type with the counter as one more parameter and one more result. */
  withCounter(index: number): number {
    const known = this.#withCounter[index];
    if (known !== undefined) return known;
    const { parameters, results } = this.at(index);
    const type = this.index([...parameters.map(encoding), COUNTER], [...results.map(encoding), COUNTER]);
    this.#withCounter[index] = type;
    return type;
  }
}
