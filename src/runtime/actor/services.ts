import { type ComponentId, checkComponentId } from '#core';
import { timestampOf } from '#core/messages';
import type { Clock } from '#core/ports/clock';
import type { ActorDirectory } from '#core/ports/directory';
import { Sleeps } from '#core/waiting';
import type { HostLinker, HostState, LogChannel } from '#runtime/host';
import type { ComponentMetadata } from './component-metadata.ts';

/** The host cuts longer log messages and contexts, because a host call must not do much work for little fuel. */
const MAX_MESSAGE = 64 * 1024;
const MAX_CONTEXT = 64;

export interface ServicesPorts {
  readonly clock: Clock;
  readonly directory: ActorDirectory;
  metadataOf(id: ComponentId): ComponentMetadata | undefined;
}

/** Defines `host-services`: the log, the clocks, and the directory of components. */
export function registerServicesFunctions(linker: HostLinker, ports: ServicesPorts): void {
  const sleeps = new Sleeps(ports.clock);
  const functions = {
    log(caller: HostState, level: LogChannel, message: string, context: readonly (readonly [string, string])[]): void {
      caller.log(
        level,
        cut(message),
        context.slice(0, MAX_CONTEXT).map(([key, value]) => [cut(key), cut(value)]),
      );
    },
    currentTime: () => timestampOf(Math.floor(ports.clock.now())),
    currentTimeMillis: () => BigInt(Math.floor(ports.clock.now())),
    sleepMillis: (caller: HostState, ms: number) => sleeps.begin(ms, () => caller.ending),
    listComponents: () => ports.directory.list(),
    getComponentMetadata(_: HostState, id: ComponentId): ComponentMetadata | undefined {
      return isId(id) ? ports.metadataOf(id) : undefined;
    },
  };
  // The functions are the same: those that are asynchronous in 0.2.0 answer promises in both, if they have to wait.
  linker.define('vivarium:actor/host-services@0.1.0', functions);
  linker.define('vivarium:actor/host-services@0.2.0', functions);
}

function isId(id: ComponentId): boolean {
  try {
    checkComponentId(id);
    return true;
  } catch {
    return false;
  }
}

function cut(text: string): string {
  return text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)}…` : text;
}
