import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HostLinker } from '../../../src/runtime/host/host-linker.ts';
import { resolveImports } from '../../../src/runtime/host/imports.ts';

const BASE = 'acme:rules/host';
const named = (version: string): string => (version === '' ? BASE : `${BASE}@${version}`);
const version = fc
  .tuple(fc.nat(2), fc.nat(2), fc.nat(11), fc.constantFrom('', '', '', '-rc.1', '+build.7'))
  .map(([major, minor, patch, rest]) => `${major}.${minor}.${patch}${rest}`);
const resolved = (wanted: string, given: Readonly<Record<string, unknown>>): unknown => {
  try {
    return (resolveImports([named(wanted)], new HostLinker(), given)[named(wanted)] as { what: unknown }).what;
  } catch (error) {
    expect(error).toMatchObject({ code: 'RUNTIME_MISSING_IMPORT' });
    return undefined;
  }
};

/** The rule as it is written down, in words of its own. */
function expected(wanted: string, offered: readonly string[]): string | undefined {
  if (offered.includes(wanted)) return wanted;
  const release = (text: string): number[] | undefined =>
    text.includes('-') || text === '' ? undefined : (text.split('+', 1)[0] as string).split('.').map(Number);
  const own = release(wanted);
  if (own !== undefined) {
    const [major, minor, patch] = own;
    const best = offered
      .map((text) => ({ text, numbers: release(text) }))
      .filter(({ numbers }) => {
        if (numbers === undefined || numbers[0] !== major) return false;
        return major !== 0 || (numbers[1] === minor && (minor !== 0 || (numbers[2] === patch && patch !== 0)));
      })
      .toSorted((one, other) => {
        const [a, b] = [one.numbers as number[], other.numbers as number[]];
        return (b[0] ?? 0) - (a[0] ?? 0) || (b[1] ?? 0) - (a[1] ?? 0) || (b[2] ?? 0) - (a[2] ?? 0);
      })[0];
    if (best !== undefined) return best.text;
  }
  return offered.includes('') ? '' : undefined;
}

describe('which of several versions meets an import', () => {
  it('is the exact one, or the highest compatible one, or the name without a version, and no other', () => {
    const offers = fc.uniqueArray(fc.oneof({ weight: 9, arbitrary: version }, fc.constant('')), { maxLength: 6 });
    fc.assert(
      fc.property(version, offers, (wanted, offered) => {
        const given = Object.fromEntries(offered.map((each) => [named(each), { what: each }]));
        expect(resolved(wanted, given)).toBe(expected(wanted, offered));
      }),
    );
  });

  it.each([
    ['1.0.0', ['2.0.0', '1.0.0'], '1.0.0'],
    ['1.0.0', ['1.2.0', '1.10.0', '2.0.0'], '1.10.0'],
    ['1.4.0', ['1.2.0'], '1.2.0'],
    // The rest of these versions is an attribute of the name.
    ['1', ['0.9.0', '1.2.0', '1.10.0', '2.0.0'], '1.10.0'],
    ['0.3', ['0.2.9', '0.3.0', '0.3.2', '1.0.0'], '0.3.2'],
    ['0.3', ['0.2.9', '1.0.0'], undefined],
    ['0.0', ['0.0.1'], undefined],
    ['0.2.3', ['0.2.0', '0.3.0'], '0.2.0'],
    ['0.0.1', ['0.0.2'], undefined],
    ['1.0.0', ['2.0.0'], undefined],
    ['1.0.0-rc.1', ['1.0.0'], undefined],
    ['1.0.0', [''], ''],
  ])('%s among %j is %s', (wanted, offered, found) => {
    expect(resolved(wanted, Object.fromEntries(offered.map((each) => [named(each), { what: each }])))).toBe(found);
  });

  it('names what was wanted and what there is', () => {
    const given = { [named('2.0.0')]: {}, 'other:thing/here@1.0.0': {}, [named('1.0.0')]: undefined };
    expect(() => resolveImports([named('1.0.0')], new HostLinker(), given)).toThrow(
      /imports acme:rules\/host@1\.0\.0, .* there: "acme:rules\/host@2\.0\.0";/,
    );
  });

  it('finds each of several versions that the linker holds, and none that it has not', () => {
    const linker = new HostLinker();
    for (const version of ['0.2.0', '0.3.0', '1.0.0']) linker.define(named(version), { what: version });
    const met = (wanted: string): unknown => (linker.find(named(wanted)) as { what: unknown } | undefined)?.what;
    expect(['0.2.9', '0.3.1', '1.4.2', '0.4.0', '2.0.0', ''].map(met)).toEqual([
      '0.2.0',
      '0.3.0',
      '1.0.0',
      undefined,
      undefined,
      '0.2.0',
    ]);
    linker.define(named('0.3.2'), { what: 'again' });
    expect(['0.2.9', '0.3.1'].map(met)).toEqual(['0.2.0', 'again']);
    expect(linker.names).toEqual([named('0.2.0'), named('1.0.0'), named('0.3.2')]);
  });

  it('asks the linker by the same rule, and only for what is not given', () => {
    const linker = new HostLinker();
    linker.define('wasi:cli/exit@0.2.0', { what: 'ours' });
    const met = (name: string, given = {}): unknown =>
      (resolveImports([name], linker, given)[name] as { what: 1 }).what;
    expect(met('wasi:cli/exit@0.2.9')).toBe('ours');
    expect(met('wasi:cli/exit@0.2.9', { 'wasi:cli/exit': { what: 'given' } })).toBe('given');
    expect(met('wasi:cli/exit@0.2.9', { 'wasi:cli/exit': undefined })).toBe('ours');
    expect(() => met('wasi:cli/exit@0.3.0')).toThrow('wasi:cli/exit@0.2.0');
    expect(() => met('wasi:cli/exit@0.2.0-rc-2023-11-10')).toThrow('0.2.0-rc-2023-11-10');
  });
});

describe('an interface that is given', () => {
  it('may be an object of any make: its methods are found where it has them and keep their this', () => {
    class Base {
      readonly #factor = 3;
      times(n: number): number {
        return n * this.#factor;
      }
    }
    class Rules extends Base {
      own(): string {
        return 'own';
      }
    }
    const found = resolveImports([named('1.0.0')], new HostLinker(), { [BASE]: Object.freeze(new Rules()) });
    const { times, own } = found[named('1.0.0')] as Record<string, (n?: number) => unknown>;
    expect([times?.(2), own?.()]).toEqual([6, 'own']);
  });
});
