import { shownText } from '#core/text';
import { isDigest } from '../digest.ts';
import { RegistryError } from '../errors.ts';

/** Returns the hex digits of a pointer, which are safe in a path or a key. A row may hold `../..` or anything else. */
export function checkPointer(pointer: string): string {
  if (isDigest(pointer)) return pointer.slice('sha256:'.length);
  throw new RegistryError(
    'REGISTRY_BAD_RECORD',
    `${shownText(String(pointer))} is not a storage pointer; give sha256: and 64 hex digits`,
  );
}
