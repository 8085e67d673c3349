import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalise } from '../../../src/bundle/lockfile/canonical.ts';
import { decodeLockfile } from '../../../src/bundle/lockfile/decode.ts';
import { encodeLockfile, timeIfSame } from '../../../src/bundle/lockfile/encode.ts';
import { checkLockfile, type Lockfile } from '../../../src/bundle/lockfile/model.ts';
import { formatLockfile, MAX_TOML_BYTES, parseLockfile } from '../../../src/bundle/lockfile/toml.ts';
import { lockfiles, rooted } from '../../support/lockfile-arbitrary.ts';

const HASH = 'ab'.repeat(32);

async function lockfile(change: Partial<Lockfile> = {}, meta: Partial<Lockfile['meta']> = {}): Promise<Lockfile> {
  const base = {
    meta: {
      producer: 'mache',
      producerVersion: '1',
      schemaVersion: '0.1.0',
      inputProcessors: [],
      generatedAtMs: 5,
      ...meta,
    },
    sources: [{ path: 'a', inputHash: HASH, chunkHash: HASH, kind: 'go-source' }],
    topology: [],
    root: '',
    ...change,
  };
  return base.root === '' ? rooted(base) : base;
}

/** Moves all but the root pointer of a canonical message to a second segment, behind a far pointer. */
function inTwoSegments(canonical: Uint8Array, double: boolean): Uint8Array {
  const body = canonical.subarray(16);
  const pads = double ? 2 : 1;
  const message = new Uint8Array(16 + 8 + pads * 8 + body.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, 1, true);
  view.setUint32(4, 1 + (double ? 2 : 0), true);
  view.setUint32(8, body.length / 8 + (double ? 0 : 1), true);
  const root = new DataView(canonical.buffer, canonical.byteOffset + 8, 8);
  const size = root.getUint32(4, true);
  if (double) {
    // Segment 0: far pointer, landing pad of two words; segment 1: the content.
    view.setUint32(16, (1 << 3) | 4 | 2, true);
    view.setUint32(20, 0, true);
    view.setUint32(24, (0 << 3) | 2, true);
    view.setUint32(28, 1, true);
    view.setUint32(32, 0, true);
    view.setUint32(36, size, true);
    message.set(body, 40);
  } else {
    // Segment 0: far pointer; segment 1: the landing pad, then the content.
    view.setUint32(16, 2, true);
    view.setUint32(20, 1, true);
    view.setUint32(24, 0, true);
    view.setUint32(28, size, true);
    message.set(body, 32);
  }
  return message;
}

describe('lockfile codecs', () => {
  it('give back any lockfile, by Cap’n Proto and by TOML', async () => {
    await fc.assert(
      fc.asyncProperty(lockfiles, async (generated) => {
        const model = await rooted(generated);
        const bytes = encodeLockfile(model);
        expect(decodeLockfile(bytes)).toEqual(model);
        expect(parseLockfile(formatLockfile(model))).toEqual(model);
        expect(await checkLockfile(decodeLockfile(bytes))).toEqual(model);
        expect(canonicalise(bytes)).toEqual(bytes);
      }),
    );
  });

  it('read a list of structs whose last texts are all empty, some of them entirely', async () => {
    const topology = [' ', '', 'a', ''].map((from) => ({ from, toSource: '' }));
    const inputProcessors = ['', 'k', ''].map((kind) => ({ kind, version: '' }));
    const model = await lockfile({ topology }, { inputProcessors });
    expect(decodeLockfile(encodeLockfile(model))).toEqual(model);
  });

  it.each([false, true])('read several segments and far pointers (double: %s)', async (double) => {
    const model = await lockfile();
    const canonical = encodeLockfile(model);
    const split = inTwoSegments(canonical, double);
    expect(decodeLockfile(split)).toEqual(model);
    expect(canonicalise(split)).toEqual(canonical);
  });

  it('read a newer file that has more fields', async () => {
    const model = await lockfile();
    const old = encodeLockfile(model);
    // A root struct with a data word and two more pointers, as a newer version would write it.
    const newer = new Uint8Array(old.length + 3 * 8);
    const view = new DataView(newer.buffer);
    newer.set(old.subarray(0, 8));
    view.setUint32(4, new DataView(old.buffer, old.byteOffset).getUint32(4, true) + 3, true);
    view.setUint32(8, 0, true);
    view.setUint32(12, 1 | (6 << 16), true);
    view.setBigUint64(16, 77n, true);
    // The four pointers are one word further on; two words lie between them and their targets now.
    for (let index = 0; index < 4; index++) {
      const low = new DataView(old.buffer, old.byteOffset + 16 + index * 8).getUint32(0, true);
      const high = new DataView(old.buffer, old.byteOffset + 16 + index * 8).getUint32(4, true);
      view.setUint32(24 + index * 8, low === 0 && high === 0 ? 0 : low + (2 << 2), true);
      view.setUint32(28 + index * 8, high, true);
    }
    newer.set(old.subarray(16 + 4 * 8), 24 + 6 * 8);
    expect(decodeLockfile(newer)).toEqual(model);
  });

  it('skip unknown keys of TOML', async () => {
    const model = await lockfile();
    expect(parseLockfile(`future = { a = [1, 2] }\n${formatLockfile(model)}`)).toEqual(model);
  });
});

describe('hostile lockfiles', () => {
  it.each([
    ['a root that lies', { root: HASH }, {}],
    ['a hash of other length', { sources: [{ path: 'a', inputHash: 'abcd', chunkHash: HASH, kind: '' }] }, {}],
    ['a producer that is a path', {}, { producer: '../mache' }],
    ['a time beyond 2^53', {}, { generatedAtMs: 2 ** 53 }],
    ['two equal paths', { sources: [0, 1].map(() => ({ path: 'a', inputHash: HASH, chunkHash: HASH, kind: '' })) }, {}],
  ])('refuse %s', async (_, change, meta) => {
    await expect(checkLockfile(await lockfile(change, meta))).rejects.toMatchObject({
      code: 'BUNDLE_INVALID_LOCKFILE',
    });
  });

  it.each([
    '',
    '../a',
    'a/../../b',
    'a\\..\\b',
    '/etc/passwd',
    'C:\\a',
    '\\a',
    'a\0b',
    'a/..',
    'x'.repeat(2 ** 20),
    '\ud800',
  ])('refuse the path %j', async (path) => {
    const sources = [{ path, inputHash: HASH, chunkHash: HASH, kind: '' }];
    await expect(checkLockfile(await lockfile({ sources }))).rejects.toMatchObject({ code: 'BUNDLE_INVALID_LOCKFILE' });
  });

  it('refuse another schema version', async () => {
    const model = await lockfile({}, { schemaVersion: '0.2.0' });
    await expect(checkLockfile(model)).rejects.toMatchObject({ code: 'BUNDLE_UNSUPPORTED_VERSION' });
  });

  it('a hash of other length in the binary file', async () => {
    const bytes = encodeLockfile(await lockfile());
    // The list pointer of a hash: 32 elements of one byte.
    const at = Buffer.from(bytes).indexOf(Buffer.from([0x02, 0x01, 0, 0]));
    bytes[at] = 0xfa;
    bytes[at + 1] = 0;
    expect(() => decodeLockfile(bytes)).toThrow(/a hash of 31 bytes/);
  });

  it('tell the time of an encoded lockfile only if all else in it is the same', () => {
    fc.assert(
      fc.property(lockfiles, lockfiles, fc.maxSafeNat(), (one, other, now) => {
        const bytes = encodeLockfile(one);
        const { generatedAtMs } = one.meta;
        const undated = { ...one, meta: { ...one.meta, generatedAtMs: now } };
        // Without a time the encoding has no place for one, so the answer may be unknown.
        expect(timeIfSame(bytes, undated)).toBe(generatedAtMs === 0 ? undefined : generatedAtMs);
        const changed = { ...other, meta: { ...other.meta, generatedAtMs } };
        const same = Buffer.compare(encodeLockfile(changed), bytes) === 0;
        expect(timeIfSame(bytes, changed) !== undefined).toBe(same && generatedAtMs !== 0);
        expect(timeIfSame(bytes.subarray(0, bytes.length - 8), undated)).toBeUndefined();
      }),
    );
  });

  it('bytes of any kind end in a typed error or a lockfile, quickly', async () => {
    const valid = encodeLockfile(await lockfile({ topology: [{ from: 'a', toSource: 'b' }] }));
    const edits = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(edits, fc.nat(valid.length), (changes, length) => {
        const bytes = valid.slice(0, length === 0 ? valid.length : length);
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        try {
          decodeLockfile(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: 'BUNDLE_INVALID_LOCKFILE' });
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('a list that claims 264 million entries', () => {
    const message = new DataView(new ArrayBuffer(8 + 8 + 4 * 8));
    message.setUint32(4, 5, true);
    message.setUint32(12, 4 << 16, true);
    message.setUint32(24, 1, true);
    message.setUint32(28, ((264_000_000 << 3) | 7) >>> 0, true);
    expect(() => decodeLockfile(new Uint8Array(message.buffer))).toThrow(/outside the message/);
  });

  it('a list of 500 million empty structs, which takes one word', () => {
    const message = new DataView(new ArrayBuffer(8 + 8 + 5 * 8));
    message.setUint32(4, 6, true);
    message.setUint32(12, 4 << 16, true);
    message.setUint32(24, (2 << 2) | 1, true);
    message.setUint32(28, 7, true);
    message.setUint32(40 + 8, 500_000_000 << 2, true);
    expect(() => decodeLockfile(new Uint8Array(message.buffer))).toThrow(/more than the message holds|outside/);
  });

  it.each([
    ['a struct, whose sizes would be a length of 67 million,', 2 << 2, 8192 << 16, /a list is missing/],
    ['a list of words', (2 << 2) | 1, ((8192 << 3) | 5) >>> 0, /something else than structs/],
  ])('%s where a list of structs belongs', (_, low, high, problem) => {
    const words = 5 + 8192;
    const message = new DataView(new ArrayBuffer(8 + words * 8));
    message.setUint32(4, words, true);
    message.setUint32(12, 4 << 16, true);
    message.setUint32(24, low, true);
    message.setUint32(28, high, true);
    // The last word is a list without elements, so that no part of a struct is cut off.
    message.setUint32(words * 8, 1, true);
    expect(() => decodeLockfile(new Uint8Array(message.buffer))).toThrow(problem);
  });

  it('a bomb: pointers that all lead to one list of pointers', () => {
    const width = 512;
    const levels = 8;
    const words = 1 + width * levels;
    const message = new DataView(new ArrayBuffer(8 + words * 8));
    message.setUint32(4, words, true);
    message.setUint32(8, 1, true);
    message.setUint32(12, ((width << 3) | 6) >>> 0, true);
    for (let level = 0; level + 1 < levels; level++) {
      for (let index = 0; index < width; index++) {
        const at = 1 + level * width + index;
        const target = 1 + (level + 1) * width;
        message.setUint32(8 + at * 8, (((target - at - 1) << 2) | 1) >>> 0, true);
        message.setUint32(12 + at * 8, ((width << 3) | 6) >>> 0, true);
      }
    }
    expect(() => decodeLockfile(new Uint8Array(message.buffer))).toThrow(/more than the message holds/);
  });

  it('a pointer that leads to itself', () => {
    const message = new DataView(new ArrayBuffer(8 + 2 * 8));
    message.setUint32(4, 2, true);
    message.setUint32(12, 1 << 16, true);
    // A struct of one pointer, whose content is that pointer.
    message.setInt32(16, -1 << 2, true);
    message.setUint32(20, 1 << 16, true);
    expect(() => decodeLockfile(new Uint8Array(message.buffer))).toThrow(/nest deeper/);
  });

  it.each([
    ['nested arrays', `a = ${'['.repeat(100e6)}`],
    ['nested arrays below the size limit', `a = ${'['.repeat(30e6)}`],
    ['dotted keys', `${'a.'.repeat(15e6)}a = 1`],
    ['dotted headers', `[${'a.'.repeat(15e6)}a]`],
    ['quoted dotted keys', `${'"a".'.repeat(7e6)}a = 1`],
    ['empty tables', '[[sources]]\n'.repeat(2.5e6)],
    ['a list of empty tables', `a = [${'{},'.repeat(10e6)}]`],
    ['no lockfile', 'a = 1'],
    ['a table where a list should be', 'root = "blake3:00"\n[meta]\n[sources]\npath = "a"'],
    ['an unfinished string', 'root = "blake3'],
  ])('TOML with %s', (_, text) => {
    const code = text.length > MAX_TOML_BYTES ? 'BUNDLE_TOO_LARGE' : 'BUNDLE_INVALID_LOCKFILE';
    expect(() => parseLockfile(text)).toThrow(expect.objectContaining({ code }));
  });

  it('TOML with __proto__ changes nothing', async () => {
    const text = `[__proto__]\npolluted = "yes"\n`;
    expect(() => parseLockfile(text)).toThrow(expect.objectContaining({ code: 'BUNDLE_INVALID_LOCKFILE' }));
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
