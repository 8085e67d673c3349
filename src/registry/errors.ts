import { type ErrorKind, VivariumError } from '#core/errors';

const KINDS = {
  REGISTRY_BAD_RECORD: 'refused',
  REGISTRY_BAD_SIGNATURE: 'refused',
  REGISTRY_BLOB_DAMAGED: 'refused',
  REGISTRY_BLOB_MISSING: 'not-found',
  REGISTRY_BUSY: 'unreachable',
  REGISTRY_CHECK_FAILED: 'failed',
  REGISTRY_EMBEDDER_MISMATCH: 'refused',
  REGISTRY_INVALID_EMBEDDING: 'refused',
  REGISTRY_INVALID_METADATA: 'usage',
  REGISTRY_INVALID_MODULE: 'refused',
  REGISTRY_INVALID_QUERY: 'usage',
  REGISTRY_INVALID_URL: 'usage',
  REGISTRY_MISSING_PEER: 'usage',
  REGISTRY_NOT_FOUND: 'not-found',
  REGISTRY_NOT_VERIFIED: 'refused',
  REGISTRY_REFUSED: 'unauthorised',
  REGISTRY_REVOKED: 'refused',
  REGISTRY_SCHEMA: 'refused',
  REGISTRY_SUPERSEDED: 'refused',
  REGISTRY_UNAVAILABLE: 'unreachable',
  REGISTRY_UNTRUSTED: 'refused',
} as const satisfies Record<string, ErrorKind>;

export type RegistryErrorCode = keyof typeof KINDS;

/** Reports a module that cannot be published, found or trusted, or a back end that cannot be used. */
export class RegistryError extends VivariumError<RegistryErrorCode> {
  static override readonly kinds: Readonly<Record<string, ErrorKind>> = KINDS;
}
