import { shownText } from '#core/text';
import { isDigest } from '../digest.ts';
import { RegistryError } from '../errors.ts';

/** The hex digits of a pointer, fit for a path or a key: a row may hold `../..` or anything else. */
export function checkPointer(pointer: string): string {
  if (isDigest(pointer)) return pointer.slice('sha256:'.length);
  throw new RegistryError(
    'REGISTRY_BAD_RECORD',
    `${shownText(String(pointer))} is no storage pointer; one is sha256: and 64 hex digits`,
  );
}
