import type { VivariumError } from '#core/errors';
import type { ComponentHandle } from '../handle.ts';

/** Told of failures; decides on restarts. */
export interface Supervisor {
  failed(handle: ComponentHandle, reason: VivariumError): void;
}
