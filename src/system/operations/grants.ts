import { isVivariumError } from '#core/errors';
import { CapabilitySet, type GrantInput } from '#security/authority';
import { systemClock } from '../clock.ts';

/** Returns those of the `asked` grants that the `given` grants do not cover. @throws `SECURITY_INVALID_GRANT` */
export function missingGrants(asked: readonly string[], given: readonly GrantInput[]): readonly string[] {
  const held = CapabilitySet.of(given, systemClock);
  return asked.filter((grant) => {
    try {
      held.narrow([grant]);
      return false;
    } catch (error) {
      if (!isVivariumError(error, 'SECURITY_PERMISSION_DENIED')) throw error;
      return true;
    }
  });
}
