import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuditEntry } from '#core/ports/audit';
import { programBeside } from '#processes';
import { AuditFolder, FileAuditLog, foldAudit, MemoryAuditLog, readAudit, verifyAudit } from '#security/audit';
import { MachineSecret } from '#security/keys';
import type { AuditFilter } from '../../src/security/audit/audit-reader.ts';
import { type AuditRecord, formatRecord } from '../../src/security/audit/audit-record.ts';
import { systemClock } from '../../src/system/clock.ts';
import { TestClock } from '../../src/testing/clock.ts';
import { scratchFolder } from './scratch.ts';

const random = { bytes: (length: number) => randomBytes(length), fraction: () => 0 };

function scene(limits: { maxFileBytes?: number; maxFiles?: number; maxPending?: number } = {}) {
  const home = scratchFolder();
  const clock = new TestClock();
  const errors: unknown[] = [];
  const folder = new AuditFolder(join(home, 'audit'), new MachineSecret(home, random), systemClock);
  const open = () => new FileAuditLog({ folder, clock, onError: (error) => void errors.push(error), ...limits });
  const write = async (...entries: AuditEntry[]) => {
    const log = open();
    for (const each of entries) log.append(each);
    await log.close();
  };
  const kinds = async () => (await verifyAudit(folder)).findings.map(({ kind }) => kind);
  const read = async (filter?: AuditFilter) => {
    const records: AuditRecord[] = [];
    for await (const record of readAudit(folder, filter)) records.push(record);
    return records;
  };
  return { home, clock, errors, folder, open, write, kinds, read, file: join(home, 'audit', 'audit.jsonl') };
}

const entry = (component = 'demo/a/1', target = 't'): AuditEntry => ({
  action: 'load',
  component,
  target,
  outcome: 'done',
});
const many = (count: number) => Array.from({ length: count }, (_, i) => entry('demo/a/1', `t${i}`));
const linesOf = (file: string) => readFileSync(file, 'utf8').split('\n').slice(0, -1);
const writeLines = (file: string, lines: readonly string[]) =>
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
const program = programBeside(import.meta.url, './append').pathname;

describe('audit log', () => {
  it('reads back what was appended, with time and number, whatever the text', async () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }));
    const outcome = fc.constantFrom('granted', 'denied', 'done', 'failed');
    const any = fc.record({
      action: text,
      component: text,
      target: text,
      outcome,
      detail: text,
      count: fc.integer({ min: 1 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(any, { minLength: 1, maxLength: 8 }), async (entries) => {
        const { write, read, kinds, clock, home } = scene();
        await write(...(entries as AuditEntry[]));
        const records = await read();
        // Half a surrogate pair cannot be written in UTF-8.
        const written = entries.map((one, i) => ({ seq: i + 1, time: clock.now(), ...one }));
        expect(records).toMatchObject(JSON.parse(JSON.stringify(written)));
        expect(await kinds()).toEqual([]);
        rmSync(home, { recursive: true });
      }),
      { numRuns: 30 },
    );
  });

  it('is followed by the clock of its folder, until a signal ends that', async () => {
    const { home, clock, write } = scene();
    await write(entry('demo/a/1'));
    const folder = new AuditFolder(join(home, 'audit'), new MachineSecret(home, random), clock);
    const ending = new AbortController();
    const records = readAudit(folder, {}, { signal: ending.signal, everyMs: 1_000 });
    expect((await records.next()).value).toMatchObject({ component: 'demo/a/1' });
    const next = records.next();
    await write(entry('demo/b/1'));
    const before = clock.monotonic();
    expect((await clock.during(next)).value).toMatchObject({ component: 'demo/b/1' });
    expect(clock.monotonic() - before).toBeGreaterThanOrEqual(1_000);
    const last = records.next();
    ending.abort();
    expect(await last).toEqual({ done: true, value: undefined });
  });

  it('is private, and takes appending without waiting', async () => {
    const { open, file, home } = scene();
    const log = open();
    log.append(entry());
    expect(existsSync(file)).toBe(false);
    await log.close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, 'audit')).mode & 0o777).toBe(0o700);
    log.append(entry());
    await log.close();
    expect(linesOf(file)).toHaveLength(1);
  });

  it('keeps what a guest made long short', async () => {
    const { write, file } = scene();
    await write({ ...entry(), target: '\0'.repeat(1 << 20), detail: '\u{1f600}'.repeat(1 << 20) });
    expect(statSync(file).size).toBeLessThan(8_192);
  });

  it('goes on in one chain when opened again', async () => {
    const { write, kinds, read } = scene();
    await write(...many(3));
    await write(...many(3));
    expect((await read()).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await kinds()).toEqual([]);
  });

  it('keeps the chain over rotation, and a bounded number of files', async () => {
    const { open, folder, read, home } = scene({ maxFileBytes: 1_000, maxFiles: 3 });
    const log = open();
    for (const each of many(40)) {
      log.append(each);
      await log.flush();
    }
    expect(readdirSync(join(home, 'audit')).filter((name) => name.endsWith('.jsonl'))).toHaveLength(3);
    const records = await read();
    expect(records.length).toBeGreaterThan(5);
    expect(records.map(({ seq }) => seq)).toEqual(records.map((_, i) => 40 - records.length + 1 + i));
    expect(await verifyAudit(folder)).toMatchObject({ lines: records.length, files: 3, findings: [] });
  });

  it('is one chain when several processes write it at once', async () => {
    const { home, folder, read } = scene();
    const runs = ['a', 'b', 'c'].map((name) => promisify(execFile)(process.execPath, [program, home, name, '60']));
    await Promise.all(runs);
    expect(await verifyAudit(folder)).toMatchObject({ lines: 180, findings: [] });
    const records = await read();
    for (const name of ['a', 'b', 'c']) {
      const own = records.filter(({ component }) => component === name);
      expect(own.map(({ target }) => target)).toEqual(Array.from({ length: 60 }, (_, i) => `target ${i}`));
    }
  });

  it('is whole after a writer was killed at any moment, and can be written at once', async () => {
    const { home, folder, write } = scene();
    for (const lines of [0, 1, 5, 20, 50]) {
      const child = spawn(process.execPath, [program, home, 'victim', '100000'], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let written = 0;
      for await (const _ of createInterface(child.stdout)) if (++written > lines) break;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      await write(entry());
      expect((await verifyAudit(folder)).findings).toEqual([]);
    }
  });

  it('ends a torn line by dropping it, and says so', async () => {
    const { write, kinds, read, file } = scene();
    await write(...many(2));
    writeFileSync(file, '{"seq":3,"time":"2026-', { flag: 'a' });
    expect(await kinds()).toEqual(['changed']);
    await write(entry());
    expect(await kinds()).toEqual([]);
    expect((await read()).map(({ action }) => action)).toEqual(['load', 'load', 'audit:torn', 'load']);
  });

  it('keeps entries while they cannot be written, drops what is too much, and says how much', async () => {
    const { open, errors, home, clock, read, kinds } = scene({ maxPending: 5 });
    writeFileSync(join(home, 'audit'), 'a file where the folder should be');
    const log = open();
    for (const each of many(3)) log.append(each);
    await log.flush();
    for (const each of many(4)) log.append(each);
    expect(errors).toHaveLength(1);
    rmSync(join(home, 'audit'));
    clock.advance(1_000);
    await log.close();
    expect(await read()).toMatchObject([...many(3), ...many(2), { action: 'audit:dropped', count: 2 }]);
    expect(await kinds()).toEqual([]);
  });

  it('follows no link', async () => {
    const { write, errors, home, file } = scene();
    mkdirSync(join(home, 'audit'));
    writeFileSync(join(home, 'elsewhere'), '');
    symlinkSync(join(home, 'elsewhere'), file);
    await write(entry());
    expect(errors).toHaveLength(1);
    expect(readFileSync(join(home, 'elsewhere'), 'utf8')).toBe('');
  });
});

describe('verification of the audit log', () => {
  const edits: readonly (readonly [string, string, (lines: string[]) => string[]])[] = [
    ['a changed line', 'changed', (lines) => lines.with(4, (lines[4] as string).replace('t4', 'tX'))],
    ['a removed line', 'removed', (lines) => lines.toSpliced(4, 1)],
    [
      'two lines in another order',
      'reordered',
      (lines) => lines.with(4, lines[5] as string).with(5, lines[4] as string),
    ],
    ['a repeated line', 'reordered', (lines) => lines.toSpliced(4, 0, lines[4] as string)],
    [
      'a line of another log',
      'changed',
      (lines) => lines.with(4, formatRecord(entry(), 0, 1, { seq: 4, hash: 'f'.repeat(64) }).line),
    ],
    ['an inserted line', 'changed', (lines) => lines.toSpliced(4, 0, '{"seq":5}')],
    ['a line that is too long', 'changed', (lines) => lines.toSpliced(4, 0, 'x'.repeat(100_000))],
    ['lines cut off the end', 'cut', (lines) => lines.slice(0, -3)],
    ['lines cut off the beginning', 'removed', (lines) => lines.slice(3)],
    ['everything cut off', 'cut', () => []],
  ];

  it.each(edits)('finds %s', async (_, kind, edit) => {
    const { write, kinds, file } = scene();
    await write(...many(10));
    writeLines(file, edit(linesOf(file)));
    expect(await kinds()).toContain(kind);
    // Writing on does not cover it up.
    await write(...many(2));
    expect(await kinds()).not.toEqual([]);
  });

  it('finds any change of any byte, and any other order or choice of lines', async () => {
    const { write, kinds, file } = scene();
    await write(...many(6));
    const whole = readFileSync(file);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, difference) => {
        const changed = Uint8Array.from(whole);
        changed[at] = (changed[at] as number) ^ difference;
        writeFileSync(file, changed);
        expect(await kinds()).not.toEqual([]);
      }),
      { numRuns: 60 },
    );
    writeFileSync(file, whole);
    const lines = linesOf(file);
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(lines), async (others) => {
        fc.pre(others.join() !== lines.join());
        writeLines(file, others);
        expect(await kinds()).not.toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('finds a chain that was computed anew after a change: the head knows the right one', async () => {
    const { write, kinds, file, home } = scene();
    await write(...many(5));
    const head = readFileSync(join(home, 'audit', 'head.json'));
    rmSync(join(home, 'audit'), { recursive: true });
    await write(...many(4), entry('demo/a/1', 'forged'));
    expect(await kinds()).toEqual([]);
    writeFileSync(join(home, 'audit', 'head.json'), head, { mode: 0o600 });
    expect(await kinds()).toEqual(['changed']);
    expect(linesOf(file)).toHaveLength(5);
  });

  it.each(['first', 'middle', 'last'])('finds that the %s file was removed', async (which) => {
    const { open, kinds, folder } = scene({ maxFileBytes: 1_000, maxFiles: 100 });
    const log = open();
    for (const each of many(20)) {
      log.append(each);
      await log.flush();
    }
    const files = [...(await folder.rotated()), folder.current];
    rmSync({ first: files[0], middle: files[2], last: files.at(-1) }[which] as string);
    expect(await kinds()).toEqual([which === 'last' ? 'cut' : 'removed']);
  });

  it('finds a head that is missing or was not written by this machine, also after writing on', async () => {
    const { write, kinds, read, home } = scene();
    const head = join(home, 'audit', 'head.json');
    await write(...many(2));
    const forged = readFileSync(head, 'utf8').replace('\\"seq\\":2', '\\"seq\\":1');
    writeFileSync(head, forged);
    expect(await kinds()).toEqual(['head']);
    await write(entry());
    rmSync(head);
    expect(await kinds()).toEqual(['head']);
    await write(entry());
    const remarks = (await read()).filter(({ action }) => action === 'audit:head').map(({ detail }) => detail);
    expect(remarks).toEqual([expect.stringContaining('forged'), expect.stringContaining('missing')]);
  });
});

describe('reading the audit log', () => {
  it('filters by component, action, outcome and time', async () => {
    const { open, clock, read } = scene();
    const log = open();
    log.append({ action: 'storage:read', component: 'demo/a/1', outcome: 'denied' });
    log.append({ action: 'load', component: 'demo/a/1', outcome: 'done' });
    clock.advance(1_000);
    log.append({ action: 'storage:write', component: 'demo/ab/1', outcome: 'denied' });
    await log.close();
    const count = async (filter: AuditFilter) => (await read(filter)).length;
    expect(await count({ component: 'demo' })).toBe(3);
    expect(await count({ component: 'demo/a' })).toBe(2);
    expect(await count({ action: 'storage' })).toBe(2);
    expect(await count({ action: 'storage:write' })).toBe(1);
    expect(await count({ outcome: 'done' })).toBe(1);
    expect(await count({ since: clock.now() })).toBe(1);
  });

  it('follows what is written, over rotation, each record once', async () => {
    const { home, open } = scene({ maxFileBytes: 500 });
    const log = open();
    const ending = new AbortController();
    let written = 0;
    const write = async () => {
      log.append(entry('demo/a/1', `t${written++}`));
      await log.flush();
      if (written === 12) ending.abort();
    };
    // Something is written whenever the reader waits.
    const after = (_: number, task: () => void) => {
      void write().then(task);
      return () => {};
    };
    const folder = new AuditFolder(join(home, 'audit'), new MachineSecret(home, random), { after });
    const seen: string[] = [];
    for await (const record of readAudit(folder, {}, { signal: ending.signal })) seen.push(record.target ?? '');
    expect(seen).toEqual(Array.from({ length: 11 }, (_, i) => `t${i}`));
  });
});

describe('folding', () => {
  const denied = (target: string, component = 'demo/a/1'): AuditEntry => ({
    action: 'storage:read',
    component,
    target,
    outcome: 'denied',
  });

  it('writes the first refusal of a kind at once and counts the rest', () => {
    const clock = new TestClock();
    const inner = new MemoryAuditLog();
    const log = foldAudit(inner, { clock, windowMs: 1_000 });
    for (let i = 0; i < 1_000; i++) log.append(denied('k'));
    expect(inner.entries).toEqual([denied('k')]);
    clock.advance(1_000);
    expect(inner.entries).toEqual([denied('k'), { ...denied('k'), count: 999 }]);
    log.append(denied('k'));
    expect(inner.entries).toHaveLength(3);
  });

  it('counts the messages of a client, which no refusals of the guest hide', () => {
    const clock = new TestClock();
    const inner = new MemoryAuditLog();
    const log = foldAudit(inner, { clock, windowMs: 1_000, maxDistinct: 5 });
    const sent: AuditEntry = { action: 'manage:send', component: 'demo/a/1', target: 'token ci', outcome: 'done' };
    for (let i = 0; i < 100; i++) log.append(denied(`k${i}`));
    for (let i = 0; i < 1_000; i++) log.append(sent);
    for (let i = 0; i < 10; i++) log.append({ ...sent, action: 'manage:load' });
    clock.advance(1_000);
    const count = (action: string) =>
      inner.entries.filter((entry) => entry.action === action).map((entry) => entry.count);
    expect(count('manage:send')).toEqual([undefined, 999]);
    expect(count('manage:load')).toHaveLength(10);
  });

  it('is not flooded by ever new targets', () => {
    const clock = new TestClock();
    const inner = new MemoryAuditLog();
    const log = foldAudit(inner, { clock, windowMs: 1_000, maxDistinct: 5 });
    for (let i = 0; i < 100_000; i++) log.append(denied(`k${i}`));
    log.append(denied('other', 'demo/b/1'));
    clock.advance(1_000);
    expect(inner.entries).toHaveLength(5 + 1 + 1);
    expect(inner.entries.at(-1)).toMatchObject({ component: 'demo/a/1', count: 99_995 });
  });

  it('loses no count, whatever happens in which order', async () => {
    const step = fc.oneof(
      fc.nat(8).map((target) => ({ target })),
      fc.nat(1_500).map((pass) => ({ pass })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step), async (steps) => {
        const clock = new TestClock();
        const inner = new MemoryAuditLog();
        const log = foldAudit(inner, { clock, windowMs: 1_000, maxDistinct: 3 });
        for (const one of steps) {
          if ('pass' in one) clock.advance(one.pass);
          else log.append(denied(`k${one.target}`));
        }
        await log.close();
        const total = inner.entries.reduce((sum, { count = 1 }) => sum + count, 0);
        expect(total).toBe(steps.filter((one) => 'target' in one).length);
      }),
    );
  });

  it('leaves alone what a guest cannot bring about', () => {
    const inner = new MemoryAuditLog();
    const log = foldAudit(inner, { clock: new TestClock() });
    for (let i = 0; i < 100; i++) log.append(entry());
    expect(inner.entries).toHaveLength(100);
  });
});
