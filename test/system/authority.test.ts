import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AuditEntry } from '#core/ports/audit';
import { AuditFolder, readAudit, verifyAudit } from '#security/audit';
import type { Denial } from '#security/authority';
import { Keyring, MachineSecret, signArtifact } from '#security/keys';
import { Signer } from '#security/signers';
import { createRuntime, type LoadOptions, type RuntimeOptions } from '../../src/index.ts';
import { systemClock } from '../../src/system/clock.ts';
import { environmentOf } from '../../src/system/environment.ts';
import { TestClock } from '../../src/testing/clock.ts';
import { actor } from '../../tools/components/actor-wat.ts';
import { scratchFolder } from '../security/scratch.ts';
import { homeIn } from '../support/home-in.ts';

/** Answers the first 8 bytes of what a host function wrote: whether it failed, and the case of the error. */
const REPLY = `
  (i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 1))
  (i32.store (i32.const 24) (i32.const 256)) (i32.store (i32.const 28) (i32.const 8)) (i32.const 16)`;
const DONE = 'done';
/** `permission-denied` of `storage-error` and of `messaging-error`. */
const STORAGE_DENIED = 4;
const MESSAGING_DENIED = 6;

let store: Uint8Array;
let sender: Uint8Array;
beforeAll(async () => {
  store = await actor({
    fields: `(import "vivarium:actor/storage@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32)))`,
    handleMessage: `(call $set (i32.load offset=24 (local.get $msg)) (i32.load offset=28 (local.get $msg))
      (i32.load offset=24 (local.get $msg)) (i32.load offset=28 (local.get $msg)) (i32.const 256)) ${REPLY}`,
  });
  sender = await actor({
    fields: `(import "vivarium:actor/host-messaging@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
      (data (i32.const 512) "demob1")`,
    handleMessage: `(call $send (i32.const 512) (i32.const 4) (i32.const 516) (i32.const 1) (i32.const 517) (i32.const 1)
      (i32.load offset=24 (local.get $msg)) (i32.load offset=28 (local.get $msg)) (i32.const 256)) ${REPLY}`,
  });
});

const scratchHome = (): string => homeIn(scratchFolder(), '.');

function outcome(reply: Uint8Array | undefined): typeof DONE | number {
  const [failed, , , , errorCase] = reply ?? [];
  return failed === 0 ? DONE : (errorCase as number);
}

async function scene(options: RuntimeOptions = {}) {
  const entries: AuditEntry[] = [];
  const denials: Denial[] = [];
  const audit = { append: (entry: AuditEntry) => void entries.push(entry), close: async () => undefined };
  const runtime = await createRuntime({ overrides: { audit }, home: scratchHome(), ...options });
  runtime.on('denied', (denial) => denials.push(denial));
  const load = (bytes: Uint8Array, more: LoadOptions = {}) => runtime.load(bytes, { id: 'demo/a/1', ...more });
  const put = async (handle: Awaited<ReturnType<typeof load>>, key: string) =>
    outcome(await runtime.request(handle, Buffer.from(key)));
  return { runtime, entries, denials, load, put };
}

describe('a component', () => {
  it('may do nothing without a grant, and is told so', async () => {
    const { runtime, entries, denials, load, put } = await scene();
    await using _ = runtime;
    const handle = await load(store);
    expect(await put(handle, 'counts/a')).toBe(STORAGE_DENIED);
    const refused = { component: 'demo/a/1', target: 'counts/a' };
    expect(denials).toMatchObject([{ ...refused, grant: 'storage:write:counts/a' }]);
    expect(entries).toContainEqual(expect.objectContaining({ ...refused, action: 'storage:write', outcome: 'denied' }));
  });

  it('that tries again and again does not flood those who listen, and no denial is lost to the count', async () => {
    const clock = new TestClock();
    const { runtime, denials, load, put } = await scene({ overrides: { clock } });
    const handle = await load(store);
    for (let i = 0; i < 500; i++) expect(await put(handle, 'counts/a')).toBe(STORAGE_DENIED);
    expect(denials).toHaveLength(1);
    clock.advance(10_000);
    expect(denials).toMatchObject([{ target: 'counts/a' }, { target: 'counts/a', count: 499 }]);
    for (let i = 0; i < 3; i++) await put(handle, 'counts/a');
    expect(denials).toHaveLength(3);
    await runtime.close();
    expect(denials).toMatchObject([{}, { count: 499 }, {}, { count: 2 }]);
  });

  it('may do what load grants it, until that is revoked', async () => {
    const { runtime, load, put, entries } = await scene();
    await using _ = runtime;
    const handle = await load(store, { grants: ['storage:write:counts/**'] });
    expect(runtime.grants(handle)).toEqual(['storage:write:counts/**']);
    expect(await put(handle, 'counts/a')).toBe(DONE);
    expect(await put(handle, 'other')).toBe(STORAGE_DENIED);
    runtime.grant(handle, 'storage:write:other');
    expect(await put(handle, 'other')).toBe(DONE);
    expect(runtime.revoke(handle, 'storage:write:counts/**')).toBe(1);
    expect(await put(handle, 'counts/a')).toBe(STORAGE_DENIED);
    expect(await put(handle, 'other')).toBe(DONE);
    expect(entries.map(({ action, target }) => [action, target])).toEqual(
      expect.arrayContaining([
        ['grant', 'storage:write:counts/**'],
        ['grant', 'storage:write:other'],
        ['revoke', 'storage:write:counts/**'],
      ]),
    );
  });

  it('may do what the policy grants it, beside what load grants', async () => {
    const { runtime, load, put } = await scene({
      policy: ({ component, digest, signers }) => {
        expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
        expect(signers).toEqual([]);
        return component === 'demo/a/1' ? ['storage:write:policy'] : [];
      },
    });
    await using _ = runtime;
    const handle = await load(store, { grants: ['storage:write:load'] });
    expect(await put(handle, 'policy')).toBe(DONE);
    expect(await put(handle, 'load')).toBe(DONE);
    const other = await load(store, { id: 'demo/other/1' });
    expect(await put(other, 'policy')).toBe(STORAGE_DENIED);
  });

  it('reaches another component only with a grant', async () => {
    const { runtime, load, put } = await scene();
    await using _ = runtime;
    await load(store, { id: 'demo/b/1' });
    const handle = await load(sender);
    expect(await put(handle, 'hello')).toBe(MESSAGING_DENIED);
    runtime.grant(handle, 'messaging:send:demo/*/*');
    expect(await put(handle, 'hello')).toBe(DONE);
  });

  it('learns nothing of what exists by being refused', async () => {
    const { runtime, load, put } = await scene();
    await using _ = runtime;
    const handle = await load(sender);
    expect(await put(handle, 'to nobody')).toBe(MESSAGING_DENIED);
  });

  it('is not loaded with a grant that cannot be read, and its id is free again', async () => {
    const { runtime, load } = await scene();
    await using _ = runtime;
    await expect(load(store, { grants: ['storage:write'] })).rejects.toMatchObject({ code: 'SECURITY_INVALID_GRANT' });
    await load(store);
  });

  it("sees the host's variables that it was granted, as long as it is", () => {
    const granted = new Set(['LANG', 'OWN']);
    const authority = {
      allows: (_area: string, _action: string, name: string) => granted.has(name),
      check: () => undefined,
      clockResolutionNs: () => 1,
    };
    const hostEnv = { LANG: 'C', OWN: 'host', SECRET: 's', __proto__: 'p' };
    const environment = environmentOf({ env: { OWN: 'given' }, hostEnv, authority });
    expect(environment()).toEqual([
      ['OWN', 'given'],
      ['LANG', 'C'],
    ]);
    granted.clear();
    expect(environment()).toEqual([['OWN', 'given']]);
  });
});

describe('trust', () => {
  const signed = async (home: string, file: string) => {
    const keyring = new Keyring(home, systemClock);
    await keyring.create('release');
    await keyring.sign(file, 'release');
    return keyring;
  };

  it('refuses a component that no trusted key signed, and takes one whose signature lies beside it', async () => {
    const home = scratchHome();
    const file = join(home, 'a.wasm');
    writeFileSync(file, store);
    await using runtime = await createRuntime({ home, trust: 'signed' });
    await expect(runtime.load(file)).rejects.toMatchObject({ code: 'SECURITY_UNTRUSTED' });
    const keyring = await signed(home, file);
    await runtime.load(file);
    writeFileSync(file, sender);
    await expect(runtime.load(file)).rejects.toMatchObject({ code: 'SECURITY_BAD_SIGNATURE' });
    writeFileSync(file, store);
    await keyring.trust.revoke('release');
    await expect(runtime.load(file)).rejects.toMatchObject({ code: 'SECURITY_UNTRUSTED' });
  });

  it('takes bytes with their signature, and not with one for an artifact', async () => {
    const home = scratchHome();
    const file = join(home, 'a.wasm');
    writeFileSync(file, store);
    const keyring = await signed(home, file);
    const { readFileSync } = await import('node:fs');
    const signature = readFileSync(`${file}.sig.json`);
    await using runtime = await createRuntime({ home, trust: 'signed' });
    await expect(runtime.load(store)).rejects.toMatchObject({ code: 'SECURITY_UNTRUSTED' });
    await runtime.load(store, { signature });
    const artifact = await signArtifact(store, [await keyring.keys.signer('release')], systemClock);
    await expect(runtime.load(store, { signature: artifact })).rejects.toMatchObject({
      code: 'SECURITY_BAD_SIGNATURE',
    });
    const stranger = await signArtifact(store, [Signer.generate()], systemClock);
    await expect(runtime.load(store, { signature: stranger })).rejects.toMatchObject({ code: 'SECURITY_UNTRUSTED' });
  });

  it('may be decided by a function, which knows the signers', async () => {
    const home = scratchHome();
    const file = join(home, 'a.wasm');
    writeFileSync(file, store);
    await signed(home, file);
    const asked: (readonly string[])[] = [];
    const trust = async ({ signers }: { signers: readonly string[] }) => {
      asked.push(signers);
      return signers.includes('release');
    };
    await using runtime = await createRuntime({ home, trust });
    await runtime.load(file);
    await expect(runtime.load(sender)).rejects.toMatchObject({ code: 'SECURITY_UNTRUSTED' });
    expect(asked).toEqual([['release'], []]);
  });
});

describe('audit of a runtime', () => {
  it('has what components were granted, refused and came to, in a file that verifies', async () => {
    const home = scratchHome();
    {
      await using runtime = await createRuntime({ home, audit: 'file' });
      const handle = await runtime.load(store, { id: 'demo/a/1', grants: ['storage:write:a'] });
      for (let i = 0; i < 100; i++) await runtime.request(handle, Buffer.from('b'));
      await runtime.unload(handle);
      const looping = await runtime.load(await actor({ handleMessage: '(loop $l (br $l)) unreachable' }), {
        id: 'demo/loop/1',
        limits: { maxExecutionTimeMs: 50 },
      });
      await expect(runtime.request(looping, Buffer.from('x'))).rejects.toMatchObject({ code: 'METERING_DEADLINE' });
      await expect(runtime.load(Buffer.from('no component'), { id: 'demo/bad/1' })).rejects.toThrow();
    }
    const random = { bytes: (length: number) => randomBytes(length), fraction: () => 0 };
    const folder = new AuditFolder(join(home, 'audit'), new MachineSecret(home, random), systemClock);
    expect((await verifyAudit(folder)).findings).toEqual([]);
    const records: string[] = [];
    for await (const { action, component, outcome, count } of readAudit(folder)) {
      records.push([action, component, outcome, ...(count === undefined ? [] : [count])].join(' '));
    }
    expect(records).toEqual(
      expect.arrayContaining([
        'grant demo/a/1 granted',
        'load demo/a/1 done',
        'storage:write demo/a/1 denied',
        'storage:write demo/a/1 denied 99',
        'unload demo/a/1 done',
        'fail demo/loop/1 failed',
        'load demo/bad/1 failed',
      ]),
    );
    expect(records.length).toBeLessThan(20);
  });

  it('has restarts, and the supervisor that gives up', async () => {
    const { runtime, entries, load } = await scene({ limits: { maxExecutionTimeMs: 50 } });
    await using _ = runtime;
    const supervision = { restart: 'permanent', maxRestarts: 1, withinMs: 600_000, backoffMs: 1 } as const;
    const looping = await load(await actor({ handleMessage: '(loop $l (br $l)) unreachable' }), { supervision });
    const gaveUp = new Promise((resolve) => runtime.on('gave-up', resolve));
    for (let time = 0; time < 2; time++) await runtime.request(looping, Buffer.from('x')).catch(() => {});
    await gaveUp;
    const records = entries.map(({ action, component, outcome }) => [action, component, outcome].join(' '));
    expect(records).toContain('restart demo/a/1 done');
    expect(records).toContain('give-up demo/a/1 failed');
    expect(entries.find(({ action }) => action === 'give-up')?.detail).toContain('more than 1 restarts');
  });

  it('that cannot be written is a warning, and everything goes on', async () => {
    const home = scratchHome();
    mkdirSync(join(home, 'audit'));
    mkdirSync(join(home, 'audit', 'audit.jsonl'));
    const warnings: string[] = [];
    const runtime = await createRuntime({ home, audit: 'file' });
    runtime.on('warning', ({ message }) => warnings.push(message));
    await runtime.load(store);
    await runtime.close();
    expect(warnings).toEqual([expect.stringContaining('audit log cannot be written')]);
  });
});
