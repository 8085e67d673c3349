import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { blake3 } from '../../../src/bundle/blake3.ts';
import { decodeLockfile } from '../../../src/bundle/lockfile/decode.ts';
import { encodeLockfile } from '../../../src/bundle/lockfile/encode.ts';
import { checkLockfile } from '../../../src/bundle/lockfile/model.ts';
import { formatLockfile, parseLockfile } from '../../../src/bundle/lockfile/toml.ts';

const vector = (name: string) => readFileSync(`test/fixtures/build-cache-v1/${name}`);
const digests = JSON.parse(vector('digests.json').toString());
const manifest = JSON.parse(vector('manifest.json').toString());
const bytes = vector('lockfile-config.bin');

describe('the published vectors', () => {
  it('decodes to the values of the digests and the manifest', async () => {
    const lockfile = await checkLockfile(decodeLockfile(bytes));
    expect(lockfile.sources).toEqual(
      digests.chunks.map((chunk: Record<string, string>) => ({
        path: chunk.source_path,
        kind: chunk.kind,
        inputHash: chunk.input_blake3_hex,
        chunkHash: chunk.chunk_blake3_hex,
      })),
    );
    expect(lockfile.meta).toEqual({
      producer: manifest.annotations['org.cloister.build-cache.producer'],
      producerVersion: manifest.annotations['org.cloister.build-cache.producer_version'],
      schemaVersion: manifest.annotations['org.cloister.build-cache.schema_version'],
      inputProcessors: [
        { kind: 'tree-sitter-go', version: '0.21.0' },
        { kind: 'blake3', version: '1.5.0' },
      ],
      generatedAtMs: 1748345600000,
    });
    expect(lockfile.topology).toEqual([{ from: 'src/main.go', toSource: 'src/auth.go' }]);
  });

  it('encodes to the published bytes', () => {
    expect(Buffer.from(encodeLockfile(decodeLockfile(bytes)))).toEqual(bytes);
  });

  it('says the same in TOML', () => {
    const lockfile = decodeLockfile(bytes);
    const toml = formatLockfile(lockfile);
    expect(toml).toContain('[[meta.input_processors]]\nkind = "tree-sitter-go"');
    expect(toml).toContain('input_hash = "blake3:c7595a1d');
    expect(toml).toContain('[[topology]]\nfrom = "src/main.go"\nto_source = "src/auth.go"');
    expect(parseLockfile(toml)).toEqual(lockfile);
  });

  it('hashes chunks as published', async () => {
    expect(await blake3(bytes)).toBe(digests.lockfile_config.blake3_hex);
    for (const chunk of digests.chunks) expect(await blake3(vector(chunk.file))).toBe(chunk.chunk_blake3_hex);
  });
});
