// Actors written as core WebAssembly text and made components: the smallest guests there are, hostile ones included.
import { readFileSync } from 'node:fs';
import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco-transpile/wasm-tools';

/** Bodies of the contract's functions as text; each default does nothing or echoes. */
export interface ActorText {
  /** Imports, types, globals, tables and functions of the guest's own. */
  readonly fields?: string;
  /** Pages of memory: minimum, and maximum if any. */
  readonly memory?: string;
  /** Locals and instructions; the message's pointer is `$msg`, the answer a pointer to the result. */
  readonly handleMessage?: string;
  readonly handleCallback?: string;
  readonly initialize?: string;
  readonly metadata?: string;
  readonly health?: string;
  readonly shutdown?: string;
  /** The whole function `cabi_realloc`; its parameters are `$old $oldSize $align $size`. */
  readonly realloc?: string;
  /** The body of `cabi_post_…#handle-message`. */
  readonly postReturn?: string;
  readonly start?: string;
}

const LIFECYCLE = 'vivarium:actor/lifecycle@0.1.0';
const WIT = readFileSync(new URL('../../wit/actor.wit', import.meta.url), 'utf8');

/** Answers the payload: result area at 16, ok, some, the payload's pointer and length. */
const ECHO = `
  (i32.store8 (i32.const 16) (i32.const 0))
  (i32.store8 (i32.const 20) (i32.const 1))
  (i32.store (i32.const 24) (i32.load offset=24 (local.get $msg)))
  (i32.store (i32.const 28) (i32.load offset=28 (local.get $msg)))
  (i32.const 16)`;

const OK = '(i32.store8 (i32.const 64) (i32.const 0)) (i32.const 64)';

/** Six empty strings and lists, and false. */
const EMPTY_METADATA = '(memory.fill (i32.const 128) (i32.const 0) (i32.const 64)) (i32.const 128)';

/** Allocates upwards and never frees, but starts again at each message. */
export const BUMP = `
  (local.set $at (i32.and (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
                          (i32.sub (i32.const 0) (local.get $align))))
  (global.set $heap (i32.add (local.get $at) (local.get $size)))
  (block $fits
    (br_if $fits (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
    (br_if $fits (i32.ne (i32.const -1)
      (memory.grow (i32.add (i32.const 1) (i32.div_u (i32.sub (global.get $heap) (i32.mul (memory.size) (i32.const 65536))) (i32.const 65536))))))
    unreachable)
  (local.get $at)`;

/** The text of the actor's core module. */
export function actorText(text: ActorText = {}): string {
  return `(module
    ${text.fields ?? ''}
    (memory (export "memory") ${text.memory ?? '1'})
    (global $heap (mut i32) (i32.const 1024))
    (func $realloc (export "cabi_realloc") (param $old i32) (param $oldSize i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      ${text.realloc ?? BUMP})
    (func (export "${LIFECYCLE}#initialize") (param i32 i32 i32 i32 i32 i64 i32 i32 i64) (result i32) ${text.initialize ?? OK})
    (func (export "${LIFECYCLE}#handle-message") (param $msg i32) (result i32) ${text.handleMessage ?? ECHO})
    (func (export "cabi_post_${LIFECYCLE}#handle-message") (param i32) (global.set $heap (i32.const 1024)) ${text.postReturn ?? ''})
    (func (export "${LIFECYCLE}#handle-callback") (param $msg i32) (result i32) ${text.handleCallback ?? OK})
    (func (export "${LIFECYCLE}#metadata") (result i32) ${text.metadata ?? EMPTY_METADATA})
    (func (export "${LIFECYCLE}#health") (result i32) ${text.health ?? '(i32.const 0)'})
    (func (export "${LIFECYCLE}#shutdown") ${text.shutdown ?? ''})
    ${text.start === undefined ? '' : `(func $start ${text.start}) (start $start)`})`;
}

/** A component of the world `actor`. */
export function actor(text: ActorText = {}): Promise<Uint8Array> {
  return componentOf(actorText(text), WIT, 'actor');
}

/** A component of one core module that exports `run: func(n: u32) -> u32`, written out, for what `actor` cannot hold. */
export function plain(fields: string, run: string): Promise<Uint8Array> {
  return parse(`(component
    (core module $m ${fields} (func (export "run") (param i32) (result i32) ${run}))
    (core instance $i (instantiate $m))
    (func (export "run") (param "n" u32) (result u32) (canon lift (core func $i "run"))))`);
}

/** A component of any world, of core text whose exports follow the canonical ABI. */
export async function componentOf(coreText: string, wit: string, world: string): Promise<Uint8Array> {
  const binary = await parse(coreText);
  return componentNew(await componentEmbed({ binary, witSource: wit, world }), []);
}
