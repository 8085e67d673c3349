import { allow, checkOptions } from '#core/options';
import type { MeteringMode } from '#core/ports/meter';

const RULE = allow.oneOf('fuel', 'deadline' satisfies MeteringMode);

/**
 * Rejects unknown modes, which would otherwise be treated as one of the known modes. @throws {CoreError}
 * `CORE_INVALID_OPTION`
 */
export function checkMode(mode: MeteringMode): void {
  checkOptions(mode, RULE, 'mode');
}
