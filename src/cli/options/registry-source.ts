import type { Command } from 'commander';
import type { ModuleRegistry } from '#core/ports/registry';
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

/** A registry that is opened when a component is first asked of it. */
export interface LazyRegistry extends AsyncDisposable {
  readonly client: Pick<ModuleRegistry, 'fetch' | 'metrics' | 'list'>;
}

/** @throws what `openRegistry` throws, at the first use */
export function lazyRegistry(flags: RegistryFlags): LazyRegistry {
  let opening: ReturnType<typeof openRegistry> | undefined;
  let opened: Awaited<ReturnType<typeof openRegistry>> | undefined;
  const open = async () => {
    opening ??= openRegistry({
      registry: flags.registry,
      blobs: flags.blobs,
      separateVerifier: flags.separateVerifier,
    });
    opened = await opening;
    return opened.client;
  };
  return {
    client: {
      fetch: async (id, signal) => (await open()).fetch(id, signal),
      list: async (filter) => (await open()).list(filter),
      metrics: () => opened?.client.metrics() ?? NOTHING_ASKED,
    },
    [Symbol.asyncDispose]: async () => {
      await (await opening?.catch(() => undefined))?.[Symbol.asyncDispose]();
    },
  };
}

const NOTHING_ASKED = { queries: 0, matched: 0, refused: 0, fetches: 0, fetchedBytes: 0, failures: 0 };
