import { createHash } from 'node:crypto';
import { shownText } from '#core/text';
import { interfaceText, onlyExport, requirementsText, type World, worldOf, worldOfEmbedded } from '#wasm';
import { RegistryError } from './errors.ts';
import type { ModuleInterface } from './module-publisher.ts';

/** The hashes of a world, with the canonical texts that are hashed. */
export interface WorldHashes extends ModuleInterface {
  readonly interfaceText: string;
  readonly requirementsText: string;
}

/**
 * Computes the hashes of a component's interface and requirements.
 * @param name a function, as `func` or `ns:package/interface@1.0.0#func`: the hash is that of a world that exports only
 * this function
 * @throws `WASM_…` when the bytes are not a component; {@link RegistryError} `REGISTRY_INVALID_QUERY` when there is no
 * such function
 */
export function hashesOfComponent(bytes: Uint8Array, name?: string): WorldHashes {
  return hashesOf(worldOf(bytes), name);
}

/**
 * Computes the hashes of WIT text, before any component exists.
 * @param coreModule the world embedded in a core module, as WIT compilers write it
 * @param name as for {@link hashesOfComponent}
 * @throws as {@link hashesOfComponent}
 */
export function hashesOfEmbedded(coreModule: Uint8Array, name?: string): WorldHashes {
  return hashesOf(worldOfEmbedded(coreModule), name);
}

function functionOf(world: World, name: string): World {
  const found = onlyExport(world, name);
  if (found !== undefined) return found;
  const shown = shownText(name, 200);
  throw new RegistryError(
    'REGISTRY_INVALID_QUERY',
    `the world exports no function ${shown}; write a function of an interface as ns:pkg/iface@v#func`,
  );
}

function hashesOf(whole: World, name: string | undefined): WorldHashes {
  const world = name === undefined ? whole : functionOf(whole, name);
  const [offered, required] = [interfaceText(world), requirementsText(world)];
  return {
    interfaceHash: hashOf(offered),
    requiresHash: hashOf(required),
    requires: world.imports.map(({ name }) => name).sort(),
    interfaceText: offered,
    requirementsText: required,
  };
}

function hashOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
