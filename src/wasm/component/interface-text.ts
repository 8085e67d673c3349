import { WasmError } from '../errors.ts';
import type { Extern, Field, FuncType, Resource, ValueType, World } from './types.ts';

/** The first line of every text. Raise the number when the notation changes, or hashes would change silently. */
const VERSION = 'vivarium:interface/1';
/**
 * The most characters of a text. Types are written out wherever they are used, so that the place of a definition does
 * not matter.
 */
const MAX_CHARACTERS = 4_000_000;

/**
 * Exports that a componentizer adds for itself, by name and type. They are not part of the requested world, and would
 * give the components of each engine an interface of their own. componentize-qjs 0.4 leaves `init` behind.
 */
const TOOLCHAIN_EXPORTS = new Set([
  'func init: (shim: string, script: string, entry-path: option<string>, disable-gc: bool) -> result<_, string>',
]);

/**
 * Writes a canonical text of a world's exports: names, types, versions, and nothing else. Equal interfaces have equal
 * texts, whatever the order of their definitions, their producer and their imports. The interface hash is the SHA-256
 * of this text in UTF-8.
 *
 * @throws {WasmError} `WASM_TOO_LARGE`
 */
export function interfaceText(world: World): string {
  return new Text(world).of('export', world.exports);
}

/** Writes the same text for a world's imports. */
export function requirementsText(world: World): string {
  return new Text(world).of('import', world.imports);
}

/**
 * Returns a world that exports only one function of another world. Its text is the text of that function.
 *
 * @param name `func`, or `ns:package/interface@1.0.0#func`
 * @returns undefined when there is no such function
 */
export function onlyExport(world: World, name: string): World | undefined {
  const hash = name.indexOf('#');
  const outer = world.exports.find((candidate) => candidate.name === (hash < 0 ? name : name.slice(0, hash)));
  const inner = name.slice(hash + 1);
  const found =
    hash >= 0 && outer?.type.kind === 'instance'
      ? outer.type.exports.find((candidate) => candidate.name === inner)
      : outer;
  return found?.type.kind === 'func' ? { imports: world.imports, exports: [found] } : undefined;
}

class Text {
  readonly #resources = new Map<Resource, string>();
  #characters = 0;

  constructor(world: World) {
    this.#nameResources('import ', world.imports);
    this.#nameResources('', world.exports);
  }

  of(direction: 'import' | 'export', externs: readonly Extern[]): string {
    const lines = externs
      .map((extern) => this.#extern(extern))
      .filter((line) => direction === 'import' || !TOOLCHAIN_EXPORTS.has(line));
    return [VERSION, ...sorted(lines).map((line) => `${direction} ${line}`), ''].join('\n');
  }

  /** Names each resource after the first interface that names it, imports first. */
  #nameResources(prefix: string, externs: readonly Extern[]): void {
    for (const { name, type } of sortedByName(externs)) {
      if (type.kind === 'instance') this.#nameResources(`${prefix}${name}#`, type.exports);
      else if (type.kind === 'type' && type.type.kind === 'resource' && !this.#resources.has(type.type)) {
        this.#resources.set(type.type, `${prefix}${name}`);
      }
    }
  }

  #extern({ name, type }: Extern): string {
    switch (type.kind) {
      case 'func':
        return `func ${name}: ${this.#func(type)}`;
      case 'instance': {
        const lines = sorted(type.exports.map((inner) => this.#extern(inner)));
        return this.#counted([`interface ${name} {`, ...lines.map((line) => `  ${line}`), '}'].join('\n'));
      }
      case 'type':
        return `type ${name} = ${type.type.kind === 'resource' ? this.#resource(type.type) : this.#value(type.type)}`;
      case 'other':
        return `other ${name}`;
    }
  }

  #func({ async, params, result }: FuncType): string {
    const answer = result === undefined ? '' : ` -> ${this.#value(result)}`;
    return `${async ? 'async ' : ''}(${this.#fields(params)})${answer}`;
  }

  #value(type: ValueType): string {
    return this.#counted(this.#structure(type));
  }

  #structure(type: ValueType): string {
    const optional = (part: ValueType | undefined): string => (part === undefined ? '_' : this.#value(part));
    switch (type.kind) {
      case 'record':
        return `record{${this.#fields(type.fields)}}`;
      case 'variant':
        return `variant{${type.cases.map((each) => `${each.name}(${optional(each.type)})`).join(', ')}}`;
      case 'list':
        return `list<${this.#value(type.element)}${type.length === undefined ? '' : `, ${type.length}`}>`;
      case 'map':
        return `map<${this.#value(type.key)}, ${this.#value(type.element)}>`;
      case 'tuple':
        return `tuple<${type.elements.map((element) => this.#value(element)).join(', ')}>`;
      case 'flags':
      case 'enum':
        return `${type.kind}{${type.labels.join(', ')}}`;
      case 'option':
        return `option<${this.#value(type.element)}>`;
      case 'result':
        return `result<${optional(type.ok)}, ${optional(type.error)}>`;
      case 'own':
      case 'borrow':
        return `${type.kind}<${this.#resource(type.resource)}>`;
      case 'stream':
      case 'future':
        return `${type.kind}<${optional(type.element)}>`;
      default:
        return type.kind;
    }
  }

  #fields(fields: readonly Field[]): string {
    return fields.map(({ name, type }) => `${name}: ${this.#value(type)}`).join(', ');
  }

  #resource(resource: Resource): string {
    return `resource ${this.#resources.get(resource) ?? '?'}`;
  }

  #counted(text: string): string {
    this.#characters += text.length;
    if (this.#characters > MAX_CHARACTERS) {
      throw new WasmError('WASM_TOO_LARGE', 'the text of the interface is too long; make its types smaller');
    }
    return text;
  }
}

/** Sorts by UTF-16 code units, which gives the same order on every machine, unlike a locale. */
function sorted(lines: readonly string[]): string[] {
  return lines.toSorted();
}

function sortedByName(externs: readonly Extern[]): Extern[] {
  return externs.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
