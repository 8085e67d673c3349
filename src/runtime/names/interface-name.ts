import { memberName } from './member-name.ts';

/** The parts of an interface's name. A name that is no interface's, as that of a function, has only a base. */
export interface InterfaceName {
  readonly base: string;
  /** The base in camelCase, without its package: of `acme:shop/my-carts` it is `myCarts`. */
  readonly short: string;
  /** Empty where the name has none. */
  readonly version: string;
}

export function interfaceName(name: string): InterfaceName {
  const at = name.indexOf('@');
  const base = at === -1 ? name : name.slice(0, at);
  return {
    base,
    version: at === -1 ? '' : name.slice(at + 1),
    get short() {
      return memberName(base.slice(base.lastIndexOf('/') + 1));
    },
  };
}

/**
 * Whether one version may stand for another by the rules of semantic versions: the first number that is not zero is the
 * same. A pre-release, and a text that is no version, stand for themselves alone.
 */
export function isCompatible(wanted: string, offered: string): boolean {
  if (wanted === offered) return true;
  const [one, other] = [numbersOf(wanted), numbersOf(offered)];
  if (one === undefined || other === undefined) return false;
  const significant = one.findIndex((number) => number !== 0n);
  // 0.0.0 is compatible with itself alone, and so is each 0.0.z.
  return significant !== -1 && one.slice(0, significant + 1).every((number, index) => number === other[index]);
}

/** Orders versions. A text that is no version comes first. */
export function compareVersions(one: string, other: string): number {
  const [left, right] = [numbersOf(one), numbersOf(other)];
  if (left === undefined || right === undefined) return Number(left !== undefined) - Number(right !== undefined);
  const at = left.findIndex((number, index) => number !== right[index]);
  if (at === -1) return 0;
  return (left[at] as bigint) < (right[at] as bigint) ? -1 : 1;
}

/**
 * Major, minor and patch number. Build metadata after `+` does not count. A name whose version is followed by an attribute with the rest of it
 * ends behind the first number that is not zero, as `1` or `0.3`: it stands for the lowest of the compatible versions.
 */
function numbersOf(version: string): readonly bigint[] | undefined {
  const found = /^(\d{1,20})(?:\.(\d{1,20}))?(?:\.(\d{1,20}))?(?:\+[0-9A-Za-z.-]{1,200})?$/.exec(version);
  if (found === null) return undefined;
  const [, major = '0', minor = '0', patch = '0'] = found;
  return [major, minor, patch].map(BigInt);
}
