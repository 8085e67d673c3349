import { join } from 'node:path';
import { type ErrorDetails, isErrorKind, VivariumError } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import type { Random } from '#core/ports/random';
import { parseForeignJson } from '#core/text';
import { type CacheFiles, readOwnFile, writeWhole } from './files.ts';

/** The error code of a component for which no build can ever succeed. Other failures may be temporary. */
const INVALID_COMPONENT = 'RUNTIME_INVALID_COMPONENT';
const MAX_TEXT = 64 * 1024;
const MAX_MESSAGE = 8 * 1024;

/** A note about a failed build, for other threads and processes that waited for it. */
export interface FailureNote {
  readonly error: VivariumError;
  /** The nonce of the lease that it ended. */
  readonly nonce: string;
  /** When it was written, in milliseconds since 1970. */
  readonly at: number;
}

/** Whether the component itself caused the failure, so that an immediate retry cannot succeed. */
export function isInvalidComponent(error: unknown): error is VivariumError {
  return error instanceof VivariumError && error.code === INVALID_COMPONENT;
}

/** Writes why a build failed, if possible. Without the note others try to build themselves and fail themselves. */
export async function writeFailure(
  files: CacheFiles,
  folders: { readonly locks: string; readonly tmp: string },
  name: string,
  failure: { readonly error: unknown; readonly nonce: string },
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): Promise<void> {
  if (!(failure.error instanceof VivariumError)) return;
  const { code, kind, message, details } = failure.error;
  const note = { nonce: failure.nonce, at: clock.now(), code, kind, message: message.slice(0, MAX_MESSAGE), details };
  // 64-bit numbers become text here; the original error keeps them.
  const json = JSON.stringify(note, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
  await writeWhole(files, join(folders.locks, `${name}.failed`), Buffer.from(json), {
    folder: folders.tmp,
    random,
    durable: false,
  }).catch(() => undefined);
}

export async function readFailure(files: CacheFiles, locks: string, name: string): Promise<FailureNote | undefined> {
  const bytes = await readOwnFile(files, join(locks, `${name}.failed`), MAX_TEXT).catch(() => undefined);
  if (bytes === undefined) return undefined;
  try {
    const { nonce, at, code, kind, message, details } = parseForeignJson(bytes, { maxLength: MAX_TEXT }) as Record<
      string,
      unknown
    >;
    if (typeof nonce !== 'string' || typeof at !== 'number') return undefined;
    if (typeof code !== 'string' || !/^[A-Z0-9_]{1,80}$/.test(code) || typeof message !== 'string') return undefined;
    const options = { details: plainDetails(details), kind: isErrorKind(kind) ? kind : 'failed' };
    return { nonce, at, error: new VivariumError(code, message, options) };
  } catch {
    return undefined;
  }
}

export async function removeFailure(files: CacheFiles, locks: string, name: string): Promise<void> {
  await files.rm(join(locks, `${name}.failed`), { force: true }).catch(() => undefined);
}

function plainDetails(value: unknown): ErrorDetails {
  if (typeof value !== 'object' || value === null) return {};
  const plain = Object.entries(value).filter(([, item]) => ['string', 'number', 'boolean'].includes(typeof item));
  return Object.fromEntries(plain) as ErrorDetails;
}
