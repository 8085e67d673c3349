import { type ComponentHandle, formatComponentId } from '#core';
import { VivariumError } from '#core/errors';
import { type ComponentMessage, type OutgoingMessage, readableMessage } from '#core/messages';
import type { RuntimeEngine, Turn } from '#core/ports/engine';

/** What an actor of the scripted engine does with a message. */
export interface Behaviour {
  message?(message: ComponentMessage, self: ComponentHandle): Turn<Uint8Array | undefined>;
  callback?(message: ComponentMessage, self: ComponentHandle): Turn<void>;
}

/**
 * Stands for the engine: turns are functions given by the test instead of WebAssembly, so that a test decides when a
 * turn ends, fails or is suspended. It checks what the engine relies on: one turn at a time for each actor.
 */
export class ScriptedEngine implements Pick<RuntimeEngine, 'callHandleMessage' | 'callHandleCallback'> {
  readonly behaviours = new Map<string, Behaviour>();
  readonly #running = new Set<ComponentHandle>();
  overlaps = 0;
  turns = 0;

  callHandleMessage(handle: ComponentHandle, message: OutgoingMessage): Turn<Uint8Array | undefined> {
    return this.#turn(handle, (behaviour) => behaviour.message?.(readableMessage(message), handle));
  }

  callHandleCallback(handle: ComponentHandle, message: OutgoingMessage): Turn<void> {
    return this.#turn(handle, (behaviour) => behaviour.callback?.(readableMessage(message), handle));
  }

  #turn<T>(handle: ComponentHandle, run: (behaviour: Behaviour) => Turn<T>): Turn<T> {
    if (this.#running.has(handle)) this.overlaps += 1;
    this.#running.add(handle);
    this.turns += 1;
    let result: Turn<T>;
    try {
      result = run(this.behaviours.get(formatComponentId(handle.id)) ?? {});
    } catch (error) {
      this.#running.delete(handle);
      throw error;
    }
    if (result instanceof Promise) return result.finally(() => this.#running.delete(handle));
    this.#running.delete(handle);
    return result;
  }
}

/** As the engine reports a trap: the instance is gone. */
export function trap(): VivariumError {
  return new VivariumError('RUNTIME_TRAP', 'unreachable executed');
}

/** As the engine reports the error case of a guest's `result`: the instance lives on. */
export function orderly(message: string): VivariumError {
  return new VivariumError('RUNTIME_COMPONENT_ERROR', message);
}
