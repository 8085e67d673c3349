import { VivariumError } from '#core/errors';

export type RegistryErrorCode =
  | 'REGISTRY_BAD_RECORD'
  | 'REGISTRY_BAD_SIGNATURE'
  | 'REGISTRY_BLOB_DAMAGED'
  | 'REGISTRY_BLOB_MISSING'
  | 'REGISTRY_BUSY'
  | 'REGISTRY_CHECK_FAILED'
  | 'REGISTRY_EMBEDDER_MISMATCH'
  | 'REGISTRY_INVALID_EMBEDDING'
  | 'REGISTRY_INVALID_METADATA'
  | 'REGISTRY_INVALID_MODULE'
  | 'REGISTRY_INVALID_QUERY'
  | 'REGISTRY_INVALID_URL'
  | 'REGISTRY_MISSING_PEER'
  | 'REGISTRY_NOT_FOUND'
  | 'REGISTRY_NOT_VERIFIED'
  | 'REGISTRY_REFUSED'
  | 'REGISTRY_REVOKED'
  | 'REGISTRY_SCHEMA'
  | 'REGISTRY_SUPERSEDED'
  | 'REGISTRY_UNAVAILABLE'
  | 'REGISTRY_UNTRUSTED';

/** Reports a module that cannot be published, found or trusted, or a back end that cannot be used. */
export class RegistryError extends VivariumError<RegistryErrorCode> {}
