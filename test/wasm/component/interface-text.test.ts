import { readFileSync } from 'node:fs';
import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { componentize } from 'componentize-qjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interfaceText, onlyExport, requirementsText, WasmError, type World, worldOf, worldOfEmbedded } from '#wasm';
import { runCount } from '../../support/runs.ts';
import { changes, witModel, witText } from './wit-model.ts';

const embed = (witSource: string, world = 'w'): Promise<Uint8Array> =>
  componentEmbed({ witSource, world, dummy: true });
const worldOfWit = async (witSource: string): Promise<World> => worldOfEmbedded(await embed(witSource));
const textOfWit = async (witSource: string): Promise<string> => interfaceText(await worldOfWit(witSource));

const ACTOR = readFileSync('wit/actor.wit', 'utf8');
const SOURCE = `export const lifecycle = {
  initialize() {}, handleMessage(message) { return message.payload; }, handleCallback() {}, metadata() {}, health() {}, shutdown() {},
};`;

describe('interfaceText', () => {
  it('is the same for one actor built by both JavaScript engines, and for its WIT alone', async () => {
    const { component } = await componentize({
      witPath: 'wit/actor.wit',
      world: 'actor',
      jsSource: SOURCE,
      sync: true,
    });
    const starlingMonkey = readFileSync('test/wasm/component/fixtures/starlingmonkey-actor.wasm');
    const text = interfaceText(worldOf(component));
    expect(text).toMatch(
      /^vivarium:interface\/1\nexport interface vivarium:actor\/lifecycle@0\.1\.0 \{\n {2}func handle-callback: \(msg: record\{sender: /,
    );
    expect(interfaceText(worldOf(starlingMonkey))).toBe(text);
    expect(interfaceText(worldOfEmbedded(await embed(ACTOR, 'actor')))).toBe(text);
    expect(requirementsText(worldOf(starlingMonkey))).not.toBe(requirementsText(worldOf(component)));
  });

  it('does not change with order, comments, documentation, imports or indices', async () => {
    await fc.assert(
      fc.asyncProperty(witModel, async (model) => {
        const plain = await embed(witText(model));
        const text = interfaceText(worldOfEmbedded(plain));
        expect(await textOfWit(witText(model, true))).toBe(text);
        expect(interfaceText(worldOf(await componentNew(plain, [])))).toBe(text);
      }),
      { numRuns: runCount(60, 20) },
    );
  });

  it.each(changes)('changes with %s', async (_what, change) => {
    await fc.assert(
      fc.asyncProperty(witModel, async (model) => {
        expect(await textOfWit(witText(change(model)))).not.toBe(await textOfWit(witText(model)));
      }),
      { numRuns: 15 },
    );
  });

  it('names resources by where they come from', async () => {
    const text = await textOfWit(`package a:b@1.0.0;
      interface files { resource file { constructor(name: string); size: func() -> u64; } }
      interface api { use files.{file}; resource mine; open: func(f: borrow<file>) -> mine; }
      world w { import files; export api; }`);
    expect(text).toContain(
      'func open: (f: borrow<resource import a:b/files@1.0.0#file>) -> own<resource a:b/api@1.0.0#mine>',
    );
  });

  it('leaves out what the QuickJS componentizer exports for itself, and only that', async () => {
    const init = 'init: func(shim: string, script: string, entry-path: option<string>, disable-gc: bool)';
    const other = 'package a:b; world w { export other: func(); }';
    expect(await textOfWit(`package a:b; world w { export ${init} -> result<_, string>; export other: func(); }`)).toBe(
      await textOfWit(other),
    );
    expect(await textOfWit(`package a:b; world w { export ${init} -> result<_, u8>; export other: func(); }`)).not.toBe(
      await textOfWit(other),
    );
  });
});

describe('onlyExport', () => {
  it("gives one function's text: that of a world exporting it alone", async () => {
    const alone = await textOfWit('package a:b; world w { export add: func(a: u8, b: list<string>) -> u16; }');
    const among = await worldOfWit(
      'package x:y@2.0.0; interface i { add: func(a: u8, b: list<string>) -> u16; sub: func(); } world w { export i; export run: func(); }',
    );
    expect(interfaceText(onlyExport(among, 'x:y/i@2.0.0#add') as World)).toBe(alone);
    expect(onlyExport(among, 'x:y/i@2.0.0#missing')).toBeUndefined();
    expect(onlyExport(among, 'x:y/i@2.0.0')).toBeUndefined();
    expect(interfaceText(onlyExport(among, 'run') as World)).toBe('vivarium:interface/1\nexport func run: ()\n');
  });
});

describe('worldOf', () => {
  it('does not write out types that grow without bound', async () => {
    const doubling = Array.from({ length: 40 }, (_, n) => `(type $t${n + 1} (tuple $t${n} $t${n}))`).join('\n');
    const bytes = await parse(`(component (type $t0 (tuple u8 u8)) ${doubling})`);
    expect(() => worldOf(bytes)).toThrow(expect.objectContaining({ code: 'WASM_TOO_LARGE' }));
  });

  it('resolves any damaged component or throws a typed error', async () => {
    const good = await componentNew(await embed(ACTOR, 'actor'), []);
    const flips = fc.array(fc.record({ at: fc.nat(), bit: fc.nat({ max: 7 }) }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(flips, (mutations) => {
        const bytes = good.slice();
        for (const { at, bit } of mutations) {
          const index = at % bytes.length;
          bytes[index] = (bytes[index] as number) ^ (1 << bit);
        }
        try {
          interfaceText(worldOf(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(WasmError);
        }
      }),
      { numRuns: runCount(1_000) },
    );
  });

  it('does not follow components that instantiate each other without bound', async () => {
    const levels = Array.from(
      { length: 30 },
      (_, n) =>
        `(component $c${n + 1} (alias outer 1 $c${n} (component $x)) (instance (instantiate $x)) (instance (instantiate $x)))`,
    );
    const bytes = await parse(
      `(component (component $c0 (type u8)) ${levels.join('\n')} (instance (instantiate $c30)))`,
    );
    expect(() => worldOf(bytes)).toThrow(expect.objectContaining({ code: 'WASM_TOO_LARGE' }));
  });
});
