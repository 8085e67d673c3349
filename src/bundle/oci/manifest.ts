import { parseForeignJson, shownValue } from '#core/text';
import type { DigestMode } from '../digest.ts';
import { BundleError } from '../errors.ts';
import type { Lockfile } from '../lockfile/model.ts';
import { PACK_TYPE } from './chunk-pack.ts';
import { DIGEST } from './repository.ts';

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
export const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
export const CONFIG_TYPE = 'application/vnd.cloister.build-cache.v1.config+json';
export const CHUNK_TYPE = 'application/vnd.cloister.build-cache.v1.chunk';
const NAMES = 'org.cloister.build-cache';
const TITLE = 'org.opencontainers.image.title';
/** The annotation for the number of chunks in a pack. */
const COUNT = 'vivarium.build-cache.chunks';

/** The size that every registry accepts by the distribution specification; docker-registry refuses more. */
export const MAX_MANIFEST_BYTES: number = 4 * 2 ** 20;
/** Manifests in other registries may be larger. A layer has about eight values. */
const BOUNDS = { maxLength: 64 * 2 ** 20, maxDepth: 16, maxItems: 2_000_000 };

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** What the annotations of a layer say, if anything. */
export interface Layer extends Descriptor {
  readonly path: string | undefined;
  readonly kind: string | undefined;
  /** The number of chunks in a pack. */
  readonly count: number | undefined;
}

export interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Layer[];
  readonly producer: string | undefined;
  readonly producerVersion: string | undefined;
  readonly schemaVersion: string | undefined;
}

/** A layer to be written: the chunk of a source, or a pack of `count` chunks. */
export type NewLayer = Omit<Descriptor, 'mediaType'> &
  ({ readonly path: string; readonly kind: string } | { readonly count: number });

/**
 * Formats the manifest. `titles` adds file names, which oras and others use to write files; the convention's own
 * manifests have none.
 */
export function formatManifest(
  { meta }: Lockfile,
  config: Omit<Descriptor, 'mediaType'>,
  layers: readonly NewLayer[],
  { mode, titles }: { readonly mode: DigestMode; readonly titles: boolean },
): Buffer {
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: CONFIG_TYPE, digest: config.digest, size: config.size },
    layers: layers.map((layer) => ({
      mediaType: 'path' in layer ? CHUNK_TYPE : PACK_TYPE,
      digest: layer.digest,
      size: layer.size,
      annotations:
        'path' in layer
          ? {
              [`${NAMES}.kind`]: layer.kind,
              [`${NAMES}.path`]: layer.path,
              ...(titles && mode === 'sha256' && { [TITLE]: layer.path }),
            }
          : { [COUNT]: String(layer.count) },
    })),
    annotations: {
      [`${NAMES}.producer`]: meta.producer,
      [`${NAMES}.producer_version`]: meta.producerVersion,
      [`${NAMES}.schema_version`]: meta.schemaVersion,
    },
  };
  if (mode === 'sha256') return Buffer.from(JSON.stringify(manifest));
  // The convention's own manifests are indented and end in a newline. Their digest covers these bytes.
  return Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** @throws {BundleError} `BUNDLE_INVALID_MANIFEST` */
export function parseManifest(bytes: Uint8Array): Manifest {
  const manifest = parseManifestJson(bytes);
  if (manifest.mediaType !== MANIFEST_TYPE) throw invalidManifest('is not an OCI image manifest');
  const { layers } = manifest;
  if (!Array.isArray(layers)) throw invalidManifest('has no list of layers');
  const annotations = objectOf(manifest.annotations ?? {}, 'annotations');
  return {
    config: descriptorOf(manifest.config, CONFIG_TYPE),
    layers: layers.map((layer: unknown) => {
      const notes = objectOf(objectOf(layer, 'a layer').annotations ?? {}, 'annotations');
      const path = textOf(notes, `${NAMES}.path`);
      const kind = textOf(notes, `${NAMES}.kind`);
      const count = textOf(notes, COUNT);
      if (count !== undefined && !/^\d{1,9}$/.test(count)) throw invalidManifest('has an invalid count of chunks');
      return {
        ...descriptorOf(layer, CHUNK_TYPE, PACK_TYPE),
        path,
        kind,
        count: count === undefined ? undefined : Number(count),
      };
    }),
    producer: textOf(annotations, `${NAMES}.producer`),
    producerVersion: textOf(annotations, `${NAMES}.producer_version`),
    schemaVersion: textOf(annotations, `${NAMES}.schema_version`),
  };
}

/** @throws {BundleError} `BUNDLE_INVALID_MANIFEST` */
export function parseManifestJson(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseForeignJson(bytes, BOUNDS);
  } catch (cause) {
    throw invalidManifest('is not JSON', cause);
  }
  return objectOf(value, 'the manifest');
}

export function invalidManifest(what: string, cause?: unknown): BundleError {
  const message = `the manifest ${what}; it is damaged or not a bundle: push the bundle again`;
  return new BundleError('BUNDLE_INVALID_MANIFEST', message, { cause });
}

/** @throws {BundleError} `BUNDLE_INVALID_MANIFEST` */
export function descriptorOf(value: unknown, ...types: readonly string[]): Descriptor {
  const { digest, size, mediaType } = objectOf(value, 'a descriptor');
  if (typeof mediaType !== 'string' || !types.includes(mediaType)) {
    throw invalidManifest(`holds something of the type ${shownValue(mediaType)}`);
  }
  if (typeof digest !== 'string' || !DIGEST.test(digest)) throw invalidManifest('has an invalid digest');
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw invalidManifest('has an invalid size');
  return { mediaType, digest, size };
}

export function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidManifest(`has ${what} that is not an object`);
  return value as Record<string, unknown>;
}

function textOf(value: Record<string, unknown>, key: string): string | undefined {
  const found = Object.hasOwn(value, key) ? value[key] : undefined;
  if (found !== undefined && typeof found !== 'string') throw invalidManifest(`has a ${key} that is not a text`);
  return found;
}
