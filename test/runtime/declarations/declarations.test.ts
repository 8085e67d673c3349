import { componentEmbed } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { guestDeclarations, hostDeclarations } from '../../../src/runtime/declarations/index.ts';
import { DocComments, worldOfEmbedded } from '../../../src/wasm/index.ts';
import { complaintsOf } from '../../support/complaints-of.ts';
import { runCount } from '../../support/runs.ts';
import { witModel, witText } from '../../wasm/component/wit-model.ts';

async function declared(witSource: string): Promise<{ host: string; guest: string }> {
  const world = worldOfEmbedded(await componentEmbed({ witSource, dummy: true }));
  const docs = DocComments.ofWit([witSource]);
  return { host: hostDeclarations(world, docs), guest: guestDeclarations(world, docs) };
}

describe('declarations', () => {
  it('compile, whatever the world', async () => {
    await fc.assert(
      fc.asyncProperty(witModel, fc.boolean(), async (model, isScrambled) => {
        const { host, guest } = await declared(witText(model, isScrambled));
        expect(complaintsOf({ 'host.d.ts': host, 'guest.d.ts': guest })).toEqual([]);
      }),
      { numRuns: runCount(25, 12) },
    );
  });

  it('compile with names that the language or its library has', async () => {
    const { host, guest } = await declared(`package t:t@1.0.0;
      interface promise {
        record promise { %map: u8, %record: string }
        record symbol { delete: bool }
        type array = list<list<promise>>;
        record uint8-array { awaitable: u8 }
        resource %map { constructor(class: promise, await: option<u8>, last: u8); new: static func() -> %map; }
        delete: func(function: array) -> %map;
        symbol-of: func() -> symbol;
      }
      interface other { use promise.{promise as %world}; imports: func(w: %world) -> option<option<%world>>; }
      world %world { import promise; import other; import default: func(); export promise; export other; export function: func(); }`);
    expect(complaintsOf({ 'host.d.ts': host, 'guest.d.ts': guest })).toEqual([]);
    expect(host).toContain('function(): Promise<void>');
  });

  it('have streams and futures of JavaScript, on both sides', async () => {
    const { host, guest } = await declared(`package t:t;
      interface readable-stream { record promise { async-iterable: u8 } record readable-stream { at: u8 } }
      interface lines {
        use readable-stream.{promise, readable-stream};
        split: async func(text: stream<u8>, times: future<u32>) -> tuple<stream<string>, future<result<_, promise>>>;
        other: func(all: stream<readable-stream>) -> stream;
      }
      world w { import lines; export lines; }`);
    expect(complaintsOf({ 'host.d.ts': host, 'guest.d.ts': guest })).toEqual([]);
    expect(host).toContain(
      'split(text: AsyncIterable<Uint8Array>, times: Promise<number>): Promise<[AsyncIterable<string>, Promise<',
    );
    expect(host).toContain('AsyncIterable<undefined>');
    expect(guest).toContain(
      'split(text: AsyncIterable<Uint8Array>, times: { read(): Promise<number> }): [AsyncIterable<string>, { read(): Promise<',
    );
  });

  it('keep a comment from ending early', async () => {
    const { host } = await declared(`package t:t;
      world w {
        /// Ends */ export declare const injected: 1; /*
        export f: func();
      }`);
    expect(complaintsOf({ 'host.d.ts': host })).toEqual([]);
    expect(
      complaintsOf({
        'host.d.ts': host,
        'use.ts': "import type { injected } from './host.d.ts';\nexport type Used = typeof injected;",
      }),
    ).toEqual([expect.stringContaining("no exported member 'injected'")]);
  });

  it('end where types that share their parts would be written out for ever', async () => {
    const levels = Array.from({ length: 12 }, (_, at) => `type t${at + 1} = tuple<t${at}, t${at}>;`).join('\n');
    const world = worldOfEmbedded(
      await componentEmbed({
        witSource: `package t:t; interface i { type t0 = u8; ${levels} f: func(t: t12); } world w { export i; }`,
        dummy: true,
      }),
    );
    expect(hostDeclarations(world, DocComments.ofWit([])).length).toBeLessThan(10_000);
    // Without names they are as long as what they describe, and bounded.
    const anonymous = (depth: number): string =>
      depth === 0 ? 'u8' : `tuple<${anonymous(depth - 1)}, ${anonymous(depth - 1)}>`;
    const params = Array.from({ length: 16 }, (_, at) => `f${at}: func(t: ${anonymous(13)});`).join('\n');
    const wide = worldOfEmbedded(
      await componentEmbed({ witSource: `package t:t; interface i { ${params} } world w { export i; }`, dummy: true }),
    );
    expect(() => hostDeclarations(wide, DocComments.ofWit([]))).toThrow('parts when they are written out');
  });
});
