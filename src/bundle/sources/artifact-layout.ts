import type { ArtifactKey } from '#core/ports/artifact';

export const COMPONENT_KIND = 'wasm-component';
export const ARTIFACT_KIND = 'vivarium-artifact';
/** What lets an artifact run: a signature (a DSSE envelope), or the seal of the machine that built it. */
export const SEAL_KIND = 'vivarium-seal';

/**
 * The paths of a bundle of the artifact cache:
 *
 * ```
 * components/<sha256 of the component>.wasm
 * artifacts/<engine profile id>/<sha256 of the component>.viva
 * artifacts/<engine profile id>/<sha256 of the component>.viva.seal
 * ```
 */
export function componentPath(wasmDigest: string): string {
  return `components/${hexOf(wasmDigest)}.wasm`;
}

export function artifactPath({ engineProfileId, wasmDigest }: ArtifactKey): string {
  return `artifacts/${engineProfileId}/${hexOf(wasmDigest)}.viva`;
}

export function sealPath(key: ArtifactKey): string {
  return `${artifactPath(key)}.seal`;
}

/** Returns the key in the path of an artifact or its seal, or `undefined` for other paths. */
export function keyOf(path: string): ArtifactKey | undefined {
  const [, engineProfileId, hex] = /^artifacts\/([0-9a-f]{64})\/([0-9a-f]{64})\.viva(?:\.seal)?$/.exec(path) ?? [];
  if (engineProfileId === undefined || hex === undefined) return undefined;
  return { engineProfileId, wasmDigest: `sha256:${hex}` };
}

function hexOf(wasmDigest: string): string {
  return wasmDigest.slice('sha256:'.length);
}
