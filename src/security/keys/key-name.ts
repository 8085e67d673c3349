import { shownText } from '#core/text';
import { SecurityError } from '../errors.ts';

const KEY_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/**
 * Checks a key's name, which becomes a file name and is printed. It may use the same alphabet as the parts of a
 * component id.
 */
export function checkKeyName(name: string): string {
  if (KEY_NAME.test(name)) return name;
  throw new SecurityError(
    'SECURITY_KEY_INVALID',
    `${shownText(name)} cannot be a key's name; it must match [a-z0-9][a-z0-9._-]{0,62}`,
  );
}
