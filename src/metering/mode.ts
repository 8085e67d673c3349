import { allow, checkOptions } from '#core/options';
import type { MeteringMode } from '#core/ports/meter';

const RULE = allow.oneOf('fuel', 'deadline' satisfies MeteringMode);

/** @throws {CoreError} `CORE_INVALID_OPTION`: a mode that is none would be taken for one, and not the one that was meant */
export function checkMode(mode: MeteringMode): void {
  checkOptions(mode, RULE, 'mode');
}
