// A component may import an interface of WASI in any shape. It must not get resources that only the host makes.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CallPath } from '#core/ports/engine';
import { createRuntime, type Runtime } from '#system';

/** Imports a constructor that takes a number, and calls it. */
const constructing = (from: string, resource: string): string => `(component
  (import "${from}" (instance $host
    (export "${resource}" (type $r (sub resource)))
    (export "[constructor]${resource}" (func (param "n" u32) (result (own $r))))))
  (core func $make (canon lower (func $host "[constructor]${resource}")))
  (core module $m (import "" "make" (func $make (param i32) (result i32)))
    (func (export "run") (drop (call $make (i32.const 1)))))
  (core instance $m (instantiate $m (with "" (instance (export "make" (func $make))))))
  (func (export "run") (canon lift (core func $m "run"))))`;

describe.each<CallPath>(['direct', 'glue'])('a constructor that WASI does not have, through %s', (calls) => {
  // One runtime builds them all in one child process, which loads the tools once.
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime({ calls });
    return () => runtime.close();
  });

  it.each([
    ['wasi:sockets/tcp@0.2.0', 'tcp-socket'],
    ['wasi:sockets/udp@0.2.0', 'udp-socket'],
    ['wasi:filesystem/types@0.2.0', 'descriptor'],
    ['wasi:io/streams@0.2.0', 'output-stream'],
    ['wasi:http/types@0.2.0', 'outgoing-body'],
    ['wasi:http/types@0.2.0', 'incoming-request'],
  ])('is not there: %s, %s', async (from, resource) => {
    const run = async (): Promise<unknown> =>
      runtime.call(await runtime.load(await parse(constructing(from, resource))), 'run');
    await expect(run()).rejects.toMatchObject({ code: 'RUNTIME_MISSING_IMPORT' });
  });

  it('is there for the resources for which WASI has one', async () => {
    const component = await parse(
      constructing('wasi:http/types@0.2.0', 'request-options')
        .replace('(param "n" u32)', '')
        .replace('(param i32)', '')
        .replace('(call $make (i32.const 1))', '(call $make)'),
    );
    await expect(runtime.call(await runtime.load(component), 'run')).resolves.toBeUndefined();
  });
});
