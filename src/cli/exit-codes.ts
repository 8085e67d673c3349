import { isVivariumError } from '#core/errors';

/** The exit codes of `viv`, which `viv --help` and the README describe. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  unreachable: 5,
  unauthorised: 6,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Exit codes by exact error code. The prefix decides for an error code that is not listed here. */
const BY_CODE: Readonly<Record<string, ExitCode>> = {
  RUNTIME_NOT_FOUND: EXIT.notFound,
  RUNTIME_NO_EXPORT: EXIT.notFound,
  RUNTIME_INVALID_ARGUMENT: EXIT.usage,
  RUNTIME_INVALID_COMPONENT: EXIT.refused,
  RUNTIME_MISSING_IMPORT: EXIT.refused,
  RUNTIME_FETCH_FAILED: EXIT.unreachable,
  METERING_OUT_OF_FUEL: EXIT.failed,
  METERING_DEADLINE: EXIT.failed,
  METERING_STACK: EXIT.failed,
  METERING_MEMORY: EXIT.failed,
  SECURITY_INVALID_GRANT: EXIT.usage,
  SECURITY_INVALID_PREOPEN: EXIT.usage,
  SECURITY_KEY_EXISTS: EXIT.usage,
  SECURITY_KEY_INVALID: EXIT.usage,
  SECURITY_KEY_NOT_FOUND: EXIT.notFound,
  SECURITY_FILE_NOT_FOUND: EXIT.notFound,
  SECURITY_STORE_FAILED: EXIT.failed,
  CACHE_INVALID_CONFIG: EXIT.usage,
  CACHE_INVALID_KEY: EXIT.usage,
  CACHE_DIGEST_MISMATCH: EXIT.refused,
  CACHE_UNSAFE_ROOT: EXIT.refused,
  CACHE_UNTRUSTED: EXIT.refused,
  REGISTRY_NOT_FOUND: EXIT.notFound,
  REGISTRY_BLOB_MISSING: EXIT.notFound,
  REGISTRY_INVALID_METADATA: EXIT.usage,
  REGISTRY_INVALID_QUERY: EXIT.usage,
  REGISTRY_INVALID_URL: EXIT.usage,
  REGISTRY_MISSING_PEER: EXIT.usage,
  REGISTRY_CHECK_FAILED: EXIT.failed,
  REGISTRY_UNAVAILABLE: EXIT.unreachable,
  REGISTRY_BUSY: EXIT.unreachable,
  REGISTRY_REFUSED: EXIT.unauthorised,
  DELEGATION_MODEL_UNAVAILABLE: EXIT.unreachable,
  DELEGATION_MODEL_REFUSED: EXIT.unauthorised,
  BUNDLE_INVALID_OPTION: EXIT.usage,
  BUNDLE_NOT_FOUND: EXIT.notFound,
  BUNDLE_CHUNK_MISSING: EXIT.notFound,
  BUNDLE_UNREACHABLE: EXIT.unreachable,
  BUNDLE_UNAUTHORISED: EXIT.unauthorised,
  BUNDLE_DATABASE_LOCKED: EXIT.failed,
  BUNDLE_STORAGE_FAILED: EXIT.failed,
  PROJECT_EXISTS: EXIT.usage,
  PROJECT_NOT_FOUND: EXIT.notFound,
  PROJECT_BAD_MANIFEST: EXIT.usage,
  SERVER_INVALID_ROUTE: EXIT.usage,
  SERVER_INVALID_CONFIG: EXIT.usage,
  SERVER_MISSING_PEER: EXIT.usage,
};

const BY_PREFIX: Readonly<Record<string, ExitCode>> = {
  CORE: EXIT.usage,
  CLI: EXIT.usage,
  METERING: EXIT.refused,
  WASM: EXIT.refused,
  SECURITY: EXIT.refused,
  REGISTRY: EXIT.refused,
  DELEGATION: EXIT.usage,
  BUNDLE: EXIT.refused,
};

/** Returns the exit code for any value that a command threw. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!isVivariumError(error)) return EXIT.failed;
  const prefix = error.code.split('_', 1)[0] as string;
  return BY_CODE[error.code] ?? BY_PREFIX[prefix] ?? EXIT.failed;
}
