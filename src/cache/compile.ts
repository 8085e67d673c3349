import type { Artifact, CompiledArtifact } from '#core/ports/artifact';

/** Up to this many bytes compiling on this thread costs less than a trip to another thread and back. */
const SMALL = 32 * 1024;

/** Compiles all modules of an artifact without running their code. @throws {WebAssembly.CompileError} */
export async function compileArtifact(artifact: Artifact): Promise<CompiledArtifact> {
  const compiled = artifact.coreModules.map(({ bytes }) => {
    const source = bytes as Uint8Array<ArrayBuffer>;
    return bytes.length <= SMALL ? new WebAssembly.Module(source) : WebAssembly.compile(source);
  });
  const modules = await Promise.all(compiled);
  return {
    artifact,
    modules: new Map(artifact.coreModules.map(({ name }, index) => [name, modules[index] as WebAssembly.Module])),
  };
}

/**
 * Returns the bytes of an entry in memory: its text, and its modules twice, because V8 keeps a copy of what it
 * compiled.
 */
export function weightOf(artifact: Artifact): number {
  const text = artifact.javascript.length + (artifact.callPlan?.length ?? 0);
  return artifact.coreModules.reduce((sum, { bytes }) => sum + 2 * bytes.length, text);
}
