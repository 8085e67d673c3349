import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { worldOfEmbedded } from '#wasm';
import { layoutOf, MAX_FLAT_PARAMS } from '../../../src/runtime/planning/layout.ts';
import { typeTexts, type WitType } from './wit-types.ts';

/** Where the guest has its result area; above it a bump allocator that starts again at each call. */
const OUT = 1024;
const HEAP = 65_536;

export type Encoding = 'utf8' | 'utf16' | 'compact-utf16';

/**
 * A component that exports `echo: func(p0: T0, p1: T1, …) -> R` and answers what the host's `echo`, which it imports,
 * answers: each value is lowered and lifted on both sides. wasm-tools checks that the core signatures, made from our own
 * layouts, are those of the canonical ABI.
 */
export async function echoGuest(params: readonly WitType[], result: WitType, encoding: Encoding): Promise<Uint8Array> {
  const { definitions, texts } = typeTexts([...params, result]);
  const names = params.map((_, index) => `p${index}`);
  const signature = `func(${names.map((name, index) => `${name}: ${texts[index]}`).join(', ')}) -> ${texts[params.length]}`;
  const witSource = `package t:t;
    interface types { ${definitions} }
    interface host { ${uses(definitions)} echo: ${signature}; }
    interface api { ${uses(definitions)} echo: ${signature}; }
    world w { import host; export api; }`;
  const world = worldOfEmbedded(await componentEmbed({ witSource, world: 'w', dummy: true }));
  const api = world.exports[0]?.type;
  const func = api?.kind === 'instance' ? api.exports.find(({ name }) => name === 'echo')?.type : undefined;
  if (func?.kind !== 'func' || func.result === undefined) throw new Error('no echo');
  const flat = func.params.flatMap((param) => layoutOf(param.type, false).flat);
  const core = flat.length > MAX_FLAT_PARAMS ? ['i32'] : flat;
  const { flat: resultFlat } = layoutOf(func.result, false);
  const out = resultFlat.length > 1;
  const binary = await parse(`(module
    (import "t:t/host" "echo" (func $host (param ${core.join(' ')} ${out ? 'i32' : ''}) ${out ? '' : `(result ${resultFlat[0]})`}))
    (memory (export "memory") 2)
    (global $heap (mut i32) (i32.const ${HEAP}))
    (func (export "cabi_realloc") (param $old i32) (param $oldSize i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
                              (i32.sub (i32.const 0) (local.get $align))))
      (global.set $heap (i32.add (local.get $at) (local.get $size)))
      (local.get $at))
    (func (export "t:t/api#echo") (param ${core.join(' ')}) (result ${out ? 'i32' : resultFlat[0]})
      ${core.map((_, index) => `(local.get ${index})`).join(' ')} ${out ? `(i32.const ${OUT})` : ''}
      (call $host) ${out ? `(i32.const ${OUT})` : ''})
    (func (export "cabi_post_t:t/api#echo") (param ${out ? 'i32' : resultFlat[0]}) (global.set $heap (i32.const ${HEAP}))))`);
  return componentNew(await componentEmbed({ binary, witSource, world: 'w', stringEncoding: encoding }), []);
}

/** A component that exports `run: func() -> R` and answers from a fixed place in a memory that holds these bytes. */
export async function answeringGuest(result: WitType, encoding: Encoding, bytes: Uint8Array): Promise<Uint8Array> {
  const { definitions, texts } = typeTexts([result]);
  const witSource = `package t:t; interface types { ${definitions} }
    interface api { ${uses(definitions)} run: func() -> ${texts[0]}; } world w { export api; }`;
  const api = worldOfEmbedded(await componentEmbed({ witSource, world: 'w', dummy: true })).exports[0]?.type;
  const func = api?.kind === 'instance' ? api.exports.find(({ name }) => name === 'run')?.type : undefined;
  if (func?.kind !== 'func' || func.result === undefined) throw new Error('no run');
  const { flat } = layoutOf(func.result, false);
  const data = Array.from(bytes, (byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
  const binary = await parse(`(module (memory (export "memory") 1) (data (i32.const ${OUT}) "${data}")
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
    (func (export "t:t/api#run") (result ${flat.length > 1 ? 'i32' : flat[0]})
      ${flat.length > 1 ? `(i32.const ${OUT})` : `(${flat[0]}.load (i32.const ${OUT}))`}))`);
  return componentNew(await componentEmbed({ binary, witSource, world: 'w', stringEncoding: encoding }), []);
}

function uses(definitions: string): string {
  const names = [...definitions.matchAll(/^\w+ (t\d+) \{/gm)].map(([, name]) => name);
  return names.length === 0 ? '' : `use types.{${names.join(', ')}};`;
}
