import type { Command } from 'commander';
import { openRegistry } from '#system/operations';

export interface RegistryFlags {
  readonly registry?: string;
  readonly blobs?: string;
  readonly separateVerifier?: boolean;
}

const PREFIX = 'registry:';

/** Adds `--registry`, `--blobs` and `--separate-verifier`. */
export function addRegistryOptions(command: Command): Command {
  return command
    .option('--registry <address>', 'a folder or a postgres: URL (default: VIVARIUM_REGISTRY, or in VIVARIUM_HOME)')
    .option('--blobs <address>', 'a folder, or s3://bucket/prefix?endpoint=URL (default: beside the registry)')
    .option('--separate-verifier', "take modules only that another key than their publisher's verified");
}

/** Fetches and checks the component that `registry:ID` names, and returns its bytes. Returns any other source unchanged. */
export async function componentOf(component: string, flags: RegistryFlags): Promise<string | Uint8Array> {
  if (!component.startsWith(PREFIX)) return component;
  await using registry = await openRegistry({
    registry: flags.registry,
    blobs: flags.blobs,
    separateVerifier: flags.separateVerifier,
  });
  return (await registry.client.fetch(component.slice(PREFIX.length))).bytes;
}
