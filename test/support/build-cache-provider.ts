import { readFileSync } from 'node:fs';
import { blake3 } from '../../src/bundle/blake3.ts';
import { OciRegistry } from './oci-registry.ts';

/** A provider of build-cache/v1: BLAKE3 under the name of `sha256:`, and the errors that the convention documents. */
export async function startBuildCacheProvider(options: { readonly maxBlobBytes?: number } = {}): Promise<OciRegistry> {
  return OciRegistry.start({ hash: blake3, bundlesOnly: true, ...options });
}

/** Puts the published vectors into a provider, as another implementation would have pushed them. */
export async function publishVectors(provider: OciRegistry, name: string, tag: string): Promise<void> {
  const vector = (file: string) => readFileSync(`test/fixtures/build-cache-v1/${file}`);
  const manifest = vector('manifest.json');
  const { config, layers } = JSON.parse(manifest.toString());
  provider.blobs.set(`${name}@${config.digest}`, vector('lockfile-config.bin'));
  for (const [index, { digest }] of layers.entries()) {
    provider.blobs.set(`${name}@${digest}`, vector(`chunk-00${index + 1}.bin`));
  }
  for (const reference of [tag, await provider.hash(manifest)])
    provider.manifests.set(`${name}:${reference}`, manifest);
}
