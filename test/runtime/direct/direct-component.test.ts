import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { componentize } from 'componentize-qjs';
import { describe, expect, it } from 'vitest';
import { linkComponent, readComponent } from '#wasm';
import { whyGlue } from '../../../src/runtime/planning/plan.ts';
import { transpile } from '../../../src/runtime/transpile/transpile.ts';

/** Core modules that nothing uses, and one component instantiated twice. */
const NESTED = `(component
  (core module $unused (func (export "first")))
  (component $inner
    (core module (func (export "second")))
    (core module $used (func (export "third")))
    (core instance $i (instantiate $used))
    (func (export "x") (canon lift (core func $i "third"))))
  (core module $m (func (export "run")))
  (instance $one (instantiate $inner)) (instance $two (instantiate $inner))
  (core instance $c (instantiate $m))
  (func (export "run") (canon lift (core func $c "run")))
  (export "one" (func $one "x")) (export "two" (func $two "x")))`;

describe('the core modules of the direct path', () => {
  it.each([
    ['nested and unused ones', () => parse(NESTED)],
    [
      'those of a JavaScript engine, after which jco puts one of its own',
      async () => {
        const jsSource = 'export const lifecycle = {};';
        return (await componentize({ witPath: 'wit/actor.wit', world: 'actor', jsSource, sync: true })).component;
      },
    ],
  ])("are jco's in the order of the file: %s", async (_what, build) => {
    const component = await build();
    const own = linkComponent(readComponent(component)).modules;
    const { coreModules } = await transpile(component);
    expect(coreModules.slice(0, own.length).map(({ name }) => name)).toEqual(
      own.map((_, index) => `component.core${index === 0 ? '' : index + 1}.wasm`),
    );
    own.forEach(({ bytes }, index) => {
      expect(Buffer.compare(bytes, coreModules[index]?.bytes ?? new Uint8Array())).toBe(0);
    });
  });
});

describe('whyGlue', () => {
  it.each([
    [undefined, '(component (core module (memory i64 1)))'],
    [
      undefined,
      `(component (core module $M (memory (export "m") i64 1) (func (export "f") (result i64) (i64.const 0)))
      (core instance $m (instantiate $M)) (func (export "f") (result string) (canon lift (core func $m "f") (memory (core memory $m "m")))))`,
    ],
    [
      'uses error-context.drop',
      '(component (core func $f (canon error-context.drop)) (core module $m (import "a" "b" (func (param i32)))) (core instance (instantiate $m (with "a" (instance (export "b" (func $f)))))))',
    ],
    [undefined, '(component (import "f" (func $f)) (export "g" (func $f)))'],
    [
      'has functions whose types have more than 400000 parts',
      `(component
      (type $t0 (tuple u8 u8)) ${Array.from({ length: 13 }, (_, n) => `(type $t${n + 1} (tuple $t${n} $t${n}))`).join(' ')}
      (core module $m (memory (export "m") 1) (func (export "r") (param i32 i32 i32 i32) (result i32) i32.const 0) (func (export "f") (param i32)))
      (core instance $i (instantiate $m))
      ${Array.from({ length: 13 }, (_, n) => `(func (export "f${n}") (param "x" $t13) (canon lift (core func $i "f") (memory (core memory $i "m")) (realloc (core func $i "r"))))`).join(' ')})`,
    ],
    [undefined, NESTED],
  ])('says %s', async (reason, text) => {
    expect(whyGlue(await parse(text))).toBe(reason);
  });

  it('says that what is damaged cannot be read', () => {
    expect(whyGlue(Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, 99, 0))).toMatch(
      /^cannot be read: a section with id 99/,
    );
  });
});
