import type { VivariumError } from '#core/errors';
import type { ComponentHandle } from '../handle.ts';

/** Receives failures and decides about restarts. */
export interface Supervisor {
  failed(handle: ComponentHandle, reason: VivariumError): void;
}
