import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { describe, expect, it } from 'vitest';
import type { ArtifactBuilder } from '#core/ports/artifact';
import { createRuntime } from '../../../src/index.ts';
import { ChildBuilder } from '../../../src/runtime/build/child-builder.ts';
import { encodeCallPlan } from '../../../src/runtime/direct/call-plan.ts';
import { refuseToWait } from '../../../src/runtime/engine/glue-waits.ts';
import { planBuild } from '../../../src/runtime/planning/index.ts';
import { buildProgram } from '../../../src/system/build-program.ts';
import { systemClock } from '../../../src/system/clock.ts';

const ASKS = `(component
  (import "test:x/db" (instance $db (export "get" (func (result u32)))))
  (core func $get (canon lower (func $db "get")))
  (core module $m (import "" "get" (func $get (result i32))) (func (export "run") (result i32) (call $get)))
  (core instance $i (instantiate $m (with "" (instance (export "get" (func $get))))))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))`;

/** A function with more parts in its types than the direct path takes, in a component that may have to wait. */
const LARGE = `(component
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $p (sub resource)))
    (export "[method]pollable.ready" (func (param "self" (borrow $p)) (result bool)))
    (export "[method]pollable.block" (func (param "self" (borrow $p))))))
  (type $t0 (tuple u8 u8)) ${Array.from({ length: 13 }, (_, n) => `(type $t${n + 1} (tuple $t${n} $t${n}))`).join(' ')}
  (core module $m (memory (export "m") 1)
    (func (export "r") (param i32 i32 i32 i32) (result i32) i32.const 0) (func (export "f") (param i32)))
  (core instance $i (instantiate $m))
  ${Array.from({ length: 13 }, (_, n) => `(func (export "f${n}") (param "x" $t13) (canon lift (core func $i "f") (memory (core memory $i "m")) (realloc (core func $i "r"))))`).join(' ')})`;

/** Builds components as if they had no direct path, which components that the transpiler takes quickly all have. */
function gluedBuilder(): ArtifactBuilder {
  const builder = new ChildBuilder({ program: buildProgram(), clock: systemClock, alwaysGlue: true });
  return {
    fingerprint: { ...builder.fingerprint, test: 'glued' },
    build: async (...args) => {
      const artifact = await builder.build(...args);
      const { exported } = planBuild(args[0]);
      return { ...artifact, callPlan: encodeCallPlan({ whyGlue: 'has something unusual' }, exported) };
    },
    close: () => builder.close(),
  };
}

describe('a component that the glue must serve', () => {
  it('is refused at load where what the embedder gave may answer a promise, with the reason and what to say', async () => {
    await using runtime = await createRuntime({ overrides: { builder: gluedBuilder() }, cache: false });
    const component = await parse(ASKS);
    const load = (get: () => unknown, importsAnswerAtOnce?: boolean) =>
      runtime.load(component, {
        imports: { 'test:x/db': { get } },
        ...(importsAnswerAtOnce && { importsAnswerAtOnce }),
      });
    const refused = (message: RegExp) => ({ code: 'RUNTIME_WOULD_BLOCK', message: expect.stringMatching(message) });
    const remedy = /test:x\/db#get.*has something unusual.*importsAnswerAtOnce: true/;
    await expect(load(() => Promise.resolve(7))).rejects.toMatchObject(refused(remedy));
    await expect(load(() => 7)).rejects.toMatchObject(refused(remedy));
    await expect(load(async () => 7, true)).rejects.toMatchObject(refused(/test:x\/db#get.*has something unusual/));
    const served = await load(() => 7, true);
    expect(runtime.usage(served).calls).toBe('glue');
    expect(await runtime.call(served, 'run')).toBe(7);
  });

  it('is refused for nothing where it is called directly: functions answer values and promises alike', async () => {
    await using runtime = await createRuntime({ cache: false });
    const component = await parse(ASKS);
    for (const get of [() => 7, () => Promise.resolve(7), async () => 7]) {
      const handle = await runtime.load(component, { imports: { 'test:x/db': { get } } });
      expect(runtime.usage(handle).calls).toBe('direct');
      expect(await runtime.call(handle, 'run')).toBe(7);
    }
  });

  it('is known by its plan to import functions of ours that may have to wait', async () => {
    expect(planBuild(await parse(LARGE)).calls).toEqual({
      whyGlue: expect.stringContaining('parts'),
      waits: ['wasi:io/poll@0.2.0#[method]pollable.block'],
    });
  });
});

describe('what the glue cannot wait for', () => {
  const poll = 'wasi:io/poll@0.2.0#poll';
  const read = 'wasi:io/streams@0.2.0#[method]input-stream.blocking-read';
  const sync = 'wasi:filesystem/types@0.2.0#[method]descriptor.sync';
  const sockets = 'wasi:sockets/tcp@0.2.0';
  const stdin = { read: () => new Uint8Array(0) } as never;

  it.each([
    ['a poll', [poll], [], {}, poll],
    ['a stream of a socket', [read], [sockets], {}, read],
    ["a stream of the embedder's", [read], [], { stdin }, read],
    ['nothing: its streams are files and logs', [read], [], {}, undefined],
    ['nothing: a flush that cannot wait is `unsupported`', [sync], [sockets], {}, undefined],
  ])('is %s', (_, waits, imports, stdio, refused) => {
    const load = (): void => refuseToWait({ glue: { why: 'is large', waits }, imports }, {}, stdio, false);
    if (refused === undefined) expect(load).not.toThrow();
    else expect(load).toThrow(refused);
  });
});
