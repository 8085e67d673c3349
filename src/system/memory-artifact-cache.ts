import type { Artifact, ArtifactCache, ArtifactKey, CompiledArtifact } from '#core';

/** Compiled artifacts of this process, each built once however many ask. */
export class MemoryArtifactCache implements ArtifactCache {
  readonly #entries = new Map<string, Promise<CompiledArtifact>>();

  get(key: ArtifactKey, build: () => Promise<Artifact>): Promise<CompiledArtifact> {
    const name = `${key.engineProfileId} ${key.wasmDigest}`;
    const known = this.#entries.get(name);
    if (known !== undefined) return known;
    const made = build().then(compile);
    this.#entries.set(name, made);
    made.catch(() => this.#entries.delete(name));
    return made;
  }
}

async function compile(artifact: Artifact): Promise<CompiledArtifact> {
  const modules = await Promise.all(
    artifact.coreModules.map(
      async ({ name, bytes }) => [name, await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>)] as const,
    ),
  );
  return { artifact, modules: new Map(modules) };
}
