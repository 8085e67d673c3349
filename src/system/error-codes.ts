import type { BundleErrorCode } from '#bundle';
import type { CacheErrorCode } from '#cache';
import { type CoreErrorCode, isVivariumError as isOneOfOurs, type VivariumError } from '#core/errors';
import type { DelegationErrorCode } from '#delegation';
import type { MessagingErrorCode } from '#messaging';
import type { MeteringErrorCode } from '#metering/tank';
import type { ProjectErrorCode } from '#project';
import type { RegistryErrorCode } from '#registry';
import type { RuntimeErrorCode } from '#runtime';
import type { SecurityErrorCode } from '#security';
import type { StorageErrorCode } from '#storage';
import type { SupervisionErrorCode } from '#supervision';
import type { WasmErrorCode } from '#wasm';

/** Every code that an error of this package can have; `docs/errors.md` describes each. */
export type VivariumErrorCode =
  | BundleErrorCode
  | CacheErrorCode
  | CoreErrorCode
  | DelegationErrorCode
  | MessagingErrorCode
  | MeteringErrorCode
  | ProjectErrorCode
  | RegistryErrorCode
  | RuntimeErrorCode
  | SecurityErrorCode
  | StorageErrorCode
  | SupervisionErrorCode
  | WasmErrorCode;

/**
 * Whether `error` is an error of this package and, if `code` is given, has that code. The type of its `code` is then a closed
 * union, so that a `switch` over it can be exhaustive.
 */
export function isVivariumError<Code extends VivariumErrorCode = VivariumErrorCode>(
  error: unknown,
  code?: Code,
): error is VivariumError<Code> {
  return isOneOfOurs(error, code);
}
