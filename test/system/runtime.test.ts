import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ComponentError } from '#runtime';
import { createRuntime, parseComponentId, Runtime } from '../../src/index.ts';
import { actor, componentOf } from '../../tools/components/actor-wat.ts';
import { GIVEN, TEXT } from '../support/worlds.ts';

let runtime: Runtime;
let folder: string;
let echo: Uint8Array;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vivarium-runtime-'));
  runtime = await createRuntime({ components: folder });
  echo = await actor();
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true });
});

it('is an instance of the exported class, which makes none by itself', () => {
  expect(runtime).toBeInstanceOf(Runtime);
  const Constructor = Runtime as unknown as new () => Runtime;
  expect(() => new Constructor()).toThrow('createRuntime');
});

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

/** Answers how often it was called, in one byte. */
const COUNTER = {
  fields: '(global $count (mut i32) (i32.const 0))',
  handleMessage: `(global.set $count (i32.add (global.get $count) (i32.const 1)))
    (i32.store8 (i32.const 32) (global.get $count))
    (i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 1))
    (i32.store (i32.const 24) (i32.const 32)) (i32.store (i32.const 28) (i32.const 1)) (i32.const 16)`,
};

const SIGNATURE_READ = 'SECURITY_BAD_SIGNATURE';

describe('load', () => {
  it('takes bytes, a path, a file URL and an id', async () => {
    await mkdir(join(folder, 'demo/echo'), { recursive: true });
    const file = join(folder, 'demo/echo/1.wasm');
    await writeFile(file, echo);
    for (const source of [echo, file, pathToFileURL(file), parseComponentId('demo/echo/1')]) {
      const handle = await runtime.load(source);
      expect(await runtime.request(handle, bytes('hi'))).toEqual(bytes('hi'));
      await runtime.unload(handle);
    }
  });

  it('keeps the id that it is given as an object, and looks for the signature beside the file of that id', async () => {
    await mkdir(join(folder, 'demo/greeter'), { recursive: true });
    await writeFile(join(folder, 'demo/greeter/1.wasm'), echo);
    const handle = await runtime.load(parseComponentId('demo/greeter/1'));
    expect(handle.id).toEqual(parseComponentId('demo/greeter/1'));
    await runtime.unload(handle);
    await writeFile(join(folder, 'demo/greeter/1.wasm.sig.json'), 'no envelope');
    await using strict = await createRuntime({ components: folder, trust: 'signed', home: folder });
    await expect(strict.load(parseComponentId('demo/greeter/1'))).rejects.toMatchObject({
      code: SIGNATURE_READ,
      details: { component: 'demo/greeter/1' },
    });
  });

  it('says what is not there', async () => {
    await expect(runtime.load('no/such/file.wasm')).rejects.toMatchObject({ code: 'RUNTIME_NOT_FOUND' });
    await expect(runtime.load(parseComponentId('no/such/one'))).rejects.toMatchObject({ code: 'RUNTIME_NOT_FOUND' });
  });

  it('gives ids that are free and handles that are never used again', async () => {
    const first = await runtime.load(echo);
    const second = await runtime.load(echo);
    expect(first.id).not.toEqual(second.id);
    expect(second.handleId).toBeGreaterThan(first.handleId);
    await runtime.unload(first);
    await runtime.unload(second);
    await expect(runtime.request(first, bytes('x'))).rejects.toMatchObject({ code: 'RUNTIME_NOT_FOUND' });
  });

  it('refuses an id that is taken, one that is none, and the reserved namespace', async () => {
    const handle = await runtime.load(echo, { id: 'demo/taken/1' });
    await expect(runtime.load(echo, { id: 'demo/taken/1' })).rejects.toMatchObject({ code: 'RUNTIME_WRONG_STATE' });
    await expect(runtime.load(echo, { id: 'demo' })).rejects.toMatchObject({ code: 'CORE_INVALID_ID' });
    await expect(runtime.load(echo, { id: 'vivarium/host/0' })).rejects.toMatchObject({ code: 'RUNTIME_WRONG_STATE' });
    await runtime.unload(handle);
    await runtime.unload(await runtime.load(echo, { id: 'demo/taken/1' }));
  });

  it('leaves an id free when the load fails', async () => {
    await expect(runtime.load(bytes('no'), { id: 'demo/again/1' })).rejects.toMatchObject({
      code: 'RUNTIME_INVALID_COMPONENT',
    });
    await runtime.unload(await runtime.load(echo, { id: 'demo/again/1' }));
  });

  it('names an import that nobody meets, and takes it from the embedder', async () => {
    const guest = await componentOf(
      `(module (import "test:given/host@1.0.0" "twice" (func $twice (param i32) (result i32)))
        (func (export "run") (param i32) (result i32) (call $twice (local.get 0))))`,
      GIVEN,
      'guest',
    );
    await expect(runtime.load(guest)).rejects.toMatchObject({
      code: 'RUNTIME_MISSING_IMPORT',
      message: expect.stringContaining('test:given/host'),
    });
    const given = (twice: (n: number) => unknown) => ({ imports: { 'test:given/host@1.0.0': { twice } } });
    const handle = await runtime.load(
      guest,
      given((n) => n * 2),
    );
    expect(await runtime.call(handle, 'run', 21)).toBe(42);

    const throwing = await runtime.load(
      guest,
      given(() => {
        throw new Error('host bug');
      }),
    );
    await expect(runtime.call(throwing, 'run', 1)).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: expect.stringContaining('host bug'),
    });

    const waiting = await runtime.load(
      guest,
      given(async (n) => n),
    );
    expect(await runtime.call(waiting, 'run', 1)).toBe(1);
  });

  it('ends with its signal', async () => {
    await expect(runtime.load(echo, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'RUNTIME_ABORTED',
    });
    const controller = new AbortController();
    const loading = runtime.load(await actor({ fields: '(global i32 (i32.const 77))' }), { signal: controller.signal });
    controller.abort();
    await expect(loading).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
    const handle = await runtime.load(echo);
    expect(await runtime.request(handle, bytes('x'))).toEqual(bytes('x'));
    await runtime.unload(handle);
  });
});

describe('stores', () => {
  it('share nothing: two instances of one component count for themselves', async () => {
    const counter = await actor(COUNTER);
    const [a, b] = [await runtime.load(counter), await runtime.load(counter)];
    await runtime.request(a, bytes(''));
    await runtime.request(a, bytes(''));
    expect(await runtime.request(a, bytes(''))).toEqual(Uint8Array.of(3));
    expect(await runtime.request(b, bytes(''))).toEqual(Uint8Array.of(1));
    await runtime.unload(a);
    await runtime.unload(b);
  });

  it('are made anew for each call with per-call, and a trap costs only that call', async () => {
    const handle = await runtime.load(await actor(COUNTER), { store: 'per-call' });
    for (let i = 0; i < 3; i++) expect(await runtime.request(handle, bytes(''))).toEqual(Uint8Array.of(1));
    await runtime.unload(handle);

    const trapping = await runtime.load(await actor({ handleMessage: 'unreachable' }), { store: 'per-call' });
    for (let i = 0; i < 2; i++) {
      await expect(runtime.request(trapping, bytes(''))).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
      expect(runtime.state(trapping)).toBe('ready');
    }
    await runtime.unload(trapping);
  });

  it('are of their own runtime: two in a process do not meet', async () => {
    await using other = await createRuntime();
    const mine = await runtime.load(echo, { id: 'demo/same/1' });
    const theirs = await other.load(echo, { id: 'demo/same/1' });
    expect(await other.request(theirs, bytes('x'))).toEqual(bytes('x'));
    await expect(other.request(mine, bytes('x'))).rejects.toMatchObject({ code: 'RUNTIME_NOT_FOUND' });
    await runtime.unload(mine);
    expect(other.state(theirs)).toBe('ready');
  });
});

describe('call', () => {
  /** The payload of the error case of `divide` is four bytes, as text of WebAssembly writes them. */
  const text = (payload = 'zero'): Promise<Uint8Array> =>
    componentOf(
      `(module (memory (export "memory") 1) (global $heap (mut i32) (i32.const 1024))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
          (local.set $at (global.get $heap)) (global.set $heap (i32.add (local.get $at) (local.get 3))) (local.get $at))
        (func $pair (param i32 i32) (result i32) (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.const 16))
        (func (export "echo") (param i32 i32) (result i32) (call $pair (local.get 0) (local.get 1)))
        (func (export "bytes") (param i32 i32) (result i32) (call $pair (local.get 0) (local.get 1)))
        (func (export "pair") (result i32) (i32.store (i32.const 16) (i32.const 0)) (i32.store (i32.const 20) (i32.const 0)) (i32.store (i32.const 24) (i32.const 9)) (i32.const 16))
        (func (export "divide") (param i32 i32) (result i32)
          (if (result i32) (local.get 1)
            (then (i32.store (i32.const 16) (i32.const 0)) (i32.store (i32.const 20) (i32.div_u (local.get 0) (local.get 1))) (i32.const 16))
            (else (i32.store (i32.const 16) (i32.const 1)) (i32.store (i32.const 20) (i32.const 40)) (i32.store (i32.const 24) (i32.const 4)) (i32.const 16))))
        (data (i32.const 40) "${payload}"))`,
      TEXT,
      'text',
    );

  it('maps values, and an error case rejects with its payload while the store lives on', async () => {
    const handle = await runtime.load(await text());
    expect(await runtime.call(handle, 'echo', 'héllo \u{1f600}')).toBe('héllo \u{1f600}');
    expect(await runtime.call(handle, 'bytes', Uint8Array.of(1, 2))).toEqual(Uint8Array.of(1, 2));
    expect(await runtime.call(handle, 'divide', 6, 3)).toBe(2);
    const failed = await runtime.call(handle, 'divide', 1, 0).catch((error) => error);
    expect(failed).toBeInstanceOf(ComponentError);
    expect(failed).toMatchObject({ code: 'RUNTIME_COMPONENT_ERROR', payload: 'zero' });
    expect(await runtime.call(handle, { name: 'divide' }, 9, 3)).toBe(3);
    // A field called `then` does not make the result a promise.
    expect(JSON.stringify(await runtime.call(handle, 'pair'))).toBe('{"proto":"","then":9}');
    await runtime.unload(handle);
  });

  it('escapes what an error case says in the message, and gives it as it is as the payload', async () => {
    const handle = await runtime.load(await text('\\c2\\9b2J'));
    await expect(runtime.call(handle, 'divide', 1, 0)).rejects.toMatchObject({
      message: 'the component answered an error: "\\u{9b}2J"',
      payload: '\u009b2J',
    });
    await runtime.unload(handle);
  });

  it('names what there is when an export is missing', async () => {
    const handle = await runtime.load(await text());
    await expect(runtime.call(handle, 'nope')).rejects.toMatchObject({
      code: 'RUNTIME_NO_EXPORT',
      message: expect.stringContaining('divide'),
    });
    for (const name of ['__proto__', 'constructor', 'toString', 'x#y', '']) {
      await expect(runtime.call(handle, name)).rejects.toMatchObject({ code: 'RUNTIME_NO_EXPORT' });
    }
    await expect(runtime.request(handle, bytes('x'))).rejects.toMatchObject({ code: 'RUNTIME_NO_EXPORT' });
    await runtime.unload(handle);
  });

  it('lives on when a function of an interface is named wrongly', async () => {
    const handle = await runtime.load(echo);
    const wrong = runtime.call(handle, 'vivarium:actor/lifecycle@0.1.0#nope');
    await expect(wrong).rejects.toMatchObject({ code: 'RUNTIME_NO_EXPORT' });
    expect(runtime.state(handle)).toBe('ready');
    await runtime.unload(handle);
  });

  it('ends with its signal', async () => {
    const handle = await runtime.load(await text());
    const signal = AbortSignal.abort();
    await expect(runtime.call(handle, { name: 'divide', signal }, 1, 1)).rejects.toMatchObject({
      code: 'RUNTIME_ABORTED',
    });
    await runtime.unload(handle);
    const actorHandle = await runtime.load(echo);
    await expect(runtime.request(actorHandle, bytes('x'), { signal })).rejects.toMatchObject({
      code: 'RUNTIME_ABORTED',
    });
    await runtime.unload(actorHandle);
  });
});

describe('usage', () => {
  it('adds up, is the same for the same call, and is exact to the unit of fuel', async () => {
    const measured = await runtime.load(echo);
    await runtime.request(measured, bytes('same'));
    const needed = runtime.usage(measured).last.fuelConsumed;
    await runtime.request(measured, bytes('same'));
    expect(runtime.usage(measured).last.fuelConsumed).toBe(needed);
    expect(runtime.usage(measured)).toMatchObject({ messagesHandled: 2, memoryBytes: 65_536 });
    await runtime.unload(measured);
    await using exact = await createRuntime();
    const enough = await exact.load(
      await actor({ initialize: '(i32.store8 (i32.const 64) (i32.const 0)) (i32.const 64)' }),
      { limits: { maxFuel: needed } },
    );
    await exact.request(enough, bytes('same'));
    const short = await exact.load(echo, { limits: { maxFuel: needed - 1n } });
    await expect(exact.request(short, bytes('same'))).rejects.toMatchObject({ code: 'METERING_OUT_OF_FUEL' });
  });
});

describe('close', () => {
  it('ends what waits with a typed error, and everything after it', async () => {
    const closing = await createRuntime();
    const handle = await closing.load(echo);
    const other = await actor({ fields: '(global i32 (i32.const 5))' });
    const waiting = [1, 2, 3].map(() => closing.request(handle, bytes('x')).catch((error) => error));
    const call = closing.call(handle, 'vivarium:actor/lifecycle@0.1.0#health').catch((error) => error);
    const loading = closing.load(other).catch((error) => error);
    const again = closing.close();
    for (const outcome of await Promise.all([...waiting, call, loading]))
      expect(outcome).toMatchObject({ code: 'RUNTIME_CLOSED' });
    await again;
    await closing.close();
    await expect(closing.load(echo)).rejects.toMatchObject({ code: 'RUNTIME_CLOSED' });
    await expect(closing.request(handle, bytes('x'))).rejects.toMatchObject({ code: 'RUNTIME_CLOSED' });
  });

  it('answers what waits first when it drains', async () => {
    const closing = await createRuntime();
    const handle = await closing.load(echo);
    const waiting = [1, 2, 3].map(() => closing.request(handle, bytes('x')));
    await closing.close({ drain: true });
    expect(await Promise.all(waiting)).toEqual([bytes('x'), bytes('x'), bytes('x')]);
  });
});

describe('events', () => {
  it('tell of every transition with its reason', async () => {
    await using told = await createRuntime();
    const seen: string[] = [];
    told.on('state', ({ from, to, reason }) => seen.push(`${from} ${to} ${reason !== ''}`));
    const handle = await told.load(await actor({ handleMessage: 'unreachable' }));
    await told.request(handle, bytes('x')).catch(() => {});
    await told.unload(handle);
    expect(seen).toEqual([
      'loading initializing true',
      'initializing ready true',
      'ready failed true',
      'failed stopped true',
    ]);
  });
});
