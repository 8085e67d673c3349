import { shownText } from '#core/text';
import { compareVersions, interfaceName, isCompatible, memberName } from '#runtime/names';
import { RuntimeError } from '../errors.ts';
import { ArgumentChecks } from './check-arguments.ts';
import { readDescription } from './description.ts';
import { type ExportInfo, exportInfo } from './export-info.ts';
import type { ExportedFunction } from './exported-function.ts';

/** The most names beside the exports' own that an index remembers. Bounded, because callers choose them. */
const MOST_REMEMBERED = 1_000;
/** The most names that an error shows. */
const MOST_SHOWN = 50;

/**
 * The index of a description, which is read at its first use.
 * @param description undefined where the component's types could not be read: nothing can be called then
 */
export function exportIndexOf(description: () => string | undefined): () => ExportIndex {
  let index: ExportIndex | undefined;
  return () => {
    if (index !== undefined) return index;
    const text = description();
    if (text === undefined) {
      throw new RuntimeError(
        'RUNTIME_NO_EXPORT',
        "the component's types cannot be read, so none of its exports can be called",
      );
    }
    index = new ExportIndex(readDescription(text).functions);
    return index;
  };
}

interface Wanted {
  readonly owner: string | undefined;
  readonly member: string;
}

/** Whether the name of an export fits a name as the caller wrote it. */
type Spelling = (name: string, written: string) => boolean;
const asInWit: Spelling = (name, written) => name === written;
const asInJco: Spelling = (name, written) => name === written || memberName(name) === written;

/**
 * A component's exported functions by name. A look-up tries the WIT name first; then the interface without its package or
 * version; then a semver-compatible version of it; then, in the same order, names in camelCase.
 */
export class ExportIndex {
  readonly functions: readonly ExportedFunction[];
  readonly #byName: ReadonlyMap<string, ExportedFunction>;
  readonly #checks = new ArgumentChecks();
  #infos: readonly ExportInfo[] | undefined;
  readonly #remembered = new Map<string, ExportedFunction>();

  constructor(functions: readonly ExportedFunction[]) {
    this.functions = functions;
    this.#byName = new Map(functions.map((each) => [each.name, each]));
  }

  /** Describes all functions for programs that call them with JSON. */
  get infos(): readonly ExportInfo[] {
    this.#infos ??= this.functions.map(exportInfo);
    return this.#infos;
  }

  /** @throws {RuntimeError} `RUNTIME_NO_EXPORT` for a name that fits no export or several, naming those that there are */
  find(name: string): ExportedFunction {
    const known = this.#byName.get(name) ?? this.#remembered.get(name);
    if (known !== undefined) return known;
    const found = this.#search(name);
    if (this.#remembered.size < MOST_REMEMBERED) this.#remembered.set(name, found);
    return found;
  }

  /**
   * Checks the arguments of one of the functions, and answers what is to be given in their place.
   * @throws {RuntimeError} `RUNTIME_INVALID_ARGUMENT`, naming the place
   */
  checked(exported: ExportedFunction, args: readonly unknown[]): readonly unknown[] {
    return this.#checks.check(exported, args);
  }

  #search(name: string): ExportedFunction {
    const hash = name.indexOf('#');
    const wanted =
      hash === -1 ? { owner: undefined, member: name } : { owner: name.slice(0, hash), member: name.slice(hash + 1) };
    for (const spelling of [asInWit, asInJco]) {
      const named = this.functions.filter(({ member }) => spelling(member, wanted.member));
      for (const owned of [byOwner, byInterface, byVersion, byMember]) {
        const found = owned(named, wanted, spelling);
        if (found.length > 1) throw ambiguous(name, found);
        if (found[0] !== undefined) return found[0];
      }
    }
    throw this.#missing(name);
  }

  #missing(name: string): RuntimeError {
    return new RuntimeError(
      'RUNTIME_NO_EXPORT',
      `the component does not export ${shownText(name, 100)}; it exports ${listed(this.functions) || 'nothing'}`,
    );
  }
}

type Choice = (named: readonly ExportedFunction[], wanted: Wanted, spelling: Spelling) => readonly ExportedFunction[];

/** `add-one`, `my-tools#add-one`, or the whole name of an interface. */
const byOwner: Choice = (named, { owner }, spelling) =>
  named.filter((each) =>
    each.owner === undefined || owner === undefined ? each.owner === owner : spelling(each.owner, owner),
  );

/** `iface#f` or `ns:pkg/iface#f`, whatever the version of the interface is. */
const byInterface: Choice = (named, { owner }, spelling) =>
  named.filter((each) => owner !== undefined && each.owner !== undefined && isBase(each.owner, owner, spelling));

/** `ns:pkg/iface@0.2.0#f` or `iface@0.2.0#f`: the version itself if it is there, or the highest compatible one. */
const byVersion: Choice = (named, { owner }, spelling) => {
  const { base, version } = interfaceName(owner ?? '');
  if (version === '') return [];
  const versionOf = (each: ExportedFunction): string => interfaceName(each.owner as string).version;
  const rank = (one: ExportedFunction, other: ExportedFunction): number => {
    const exact = Number(versionOf(other) === version) - Number(versionOf(one) === version);
    return exact || compareVersions(versionOf(other), versionOf(one));
  };
  const compatible = named
    .filter((each) => each.owner !== undefined && isBase(each.owner, base, spelling))
    .filter((each) => isCompatible(version, versionOf(each)))
    .toSorted(rank);
  const bases = new Set(compatible.map((each) => interfaceName(each.owner as string).base));
  return bases.size === 1 ? compatible.slice(0, 1) : compatible;
};

/** `[method]cart.add`, whichever interface has the resource. */
const byMember: Choice = (named, { owner, member }) => (owner === undefined && member.startsWith('[') ? named : []);

/** Whether a written name is that of an interface without its version, and perhaps without its package. */
function isBase(owner: string, written: string, spelling: Spelling): boolean {
  const { base } = interfaceName(owner);
  return base === written || spelling(base.slice(base.lastIndexOf('/') + 1), written);
}

function ambiguous(name: string, found: readonly ExportedFunction[]): RuntimeError {
  return new RuntimeError(
    'RUNTIME_NO_EXPORT',
    `${shownText(name, 100)} fits more than one export: ${listed(found)}; call one of them by its whole name`,
  );
}

function listed(functions: readonly ExportedFunction[]): string {
  const names = functions.slice(0, MOST_SHOWN).map(({ name }) => name);
  const more = functions.length - names.length;
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ');
}
