import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Artifact } from '#core/ports/artifact';
import { decodeArtifact, encodeArtifact, joinSeal, splitSeal } from '../../src/cache/artifact-file.ts';
import { artifactOf, testComponent } from '../../tools/cache/components.ts';

const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
const keys = fc.record({ engineProfileId: hex, wasmDigest: hex.map((digits) => `sha256:${digits}`) });
const text = fc.string({ unit: 'grapheme' });
const artifacts: fc.Arbitrary<Artifact> = fc.record({
  javascript: text,
  coreModules: fc.array(fc.record({ name: text, bytes: fc.uint8Array({ maxLength: 200 }) }), { maxLength: 4 }),
  imports: fc.array(text, { maxLength: 4 }),
  exports: fc.array(fc.record({ name: text, kind: fc.constantFrom('function' as const, 'instance' as const) })),
  meteringMode: fc.constantFrom('fuel', 'deadline'),
  callPlan: fc.option(fc.string({ unit: 'binary' }), { nil: undefined }),
});

describe('the artifact file', () => {
  it('gives back what was put in, the same bytes each time', () => {
    fc.assert(
      fc.property(keys, artifacts, fc.uint8Array({ maxLength: 64 }), (key, artifact, seal) => {
        const content = encodeArtifact(key, artifact);
        expect(encodeArtifact(key, structuredClone(artifact))).toEqual(content);
        const opened = splitSeal(joinSeal(content, seal));
        expect(new Uint8Array(opened.seal)).toEqual(new Uint8Array(seal));
        expect(decodeArtifact(opened.content)).toEqual({
          key,
          artifact,
          javascriptBytes: Buffer.byteLength(artifact.javascript),
        });
      }),
    );
  });

  it('reads any bytes, cut or changed, or refuses them with a typed error', () => {
    const key = { engineProfileId: 'a'.repeat(64), wasmDigest: `sha256:${'b'.repeat(64)}` };
    const file = joinSeal(encodeArtifact(key, artifactOf(testComponent(1))), new Uint8Array(32));
    const damaged = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.nat(file.length - 1).map((length) => file.subarray(0, length)),
      fc.array(fc.tuple(fc.nat(file.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1 }).map((changes) => {
        const copy = Buffer.from(file);
        for (const [offset, value] of changes) copy[offset] = value;
        return copy;
      }),
    );
    fc.assert(
      fc.property(damaged, (bytes) => {
        try {
          decodeArtifact(splitSeal(bytes).content);
        } catch (error) {
          expect(error).toMatchObject({ code: 'CACHE_INVALID_ARTIFACT' });
        }
      }),
      { numRuns: 500 },
    );
  });

  it('refuses a header that announces more than there is, before taking any of it', () => {
    const key = { engineProfileId: 'a'.repeat(64), wasmDigest: `sha256:${'b'.repeat(64)}` };
    const content = encodeArtifact(key, artifactOf(testComponent(1)));
    const huge = Buffer.from(content);
    huge.writeUInt32LE(0xffff_ffff, 8);
    const lying = Buffer.from(
      content.toString('latin1').replace('"javascriptBytes":', '"javascriptBytes":9'),
      'latin1',
    );
    lying.writeUInt32LE(lying.readUInt32LE(8) + 1, 8);
    for (const bytes of [huge, lying]) {
      expect(() => decodeArtifact(bytes)).toThrow(expect.objectContaining({ code: 'CACHE_INVALID_ARTIFACT' }));
    }
  });

  it('does not write text that it could not give back', () => {
    const key = { engineProfileId: 'a'.repeat(64), wasmDigest: `sha256:${'b'.repeat(64)}` };
    const artifact = { ...artifactOf(testComponent(1)), javascript: '\ud83d' };
    expect(() => encodeArtifact(key, artifact)).toThrow(expect.objectContaining({ code: 'CACHE_INVALID_ARTIFACT' }));
  });
});
