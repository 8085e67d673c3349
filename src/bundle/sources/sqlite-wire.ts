import { isVivariumError, messageOf } from '#core/errors';
import { BundleError, type BundleErrorCode } from '../errors.ts';
import type { ProcessorVersion } from '../lockfile/model.ts';
import type { SqliteReaderOptions } from './sqlite-reader.ts';

/** The parent's requests: open a database, then give one batch after the other, and close it. */
export type Question = { readonly open: SqliteReaderOptions } | { readonly next: true } | { readonly close: true };

/** The beginning of a source, a piece of its chunk, or its end. */
export type SourceEvent =
  | { readonly begin: { readonly path: string; readonly kind: string; readonly inputHash?: string } }
  | { readonly piece: Uint8Array }
  | { readonly end: true };

export type Answer =
  | { readonly opened: Opened }
  | ({ readonly batch: readonly SourceEvent[]; readonly done: boolean } & Partial<Ended>)
  | { readonly closed: true }
  | { readonly error: { readonly code: string | undefined; readonly message: string } };

/** The data that is complete when all sources were read. */
export interface Ended {
  readonly inputProcessors: readonly ProcessorVersion[];
  readonly leftOut: readonly string[];
}

export interface Opened {
  readonly inputProcessors: readonly ProcessorVersion[];
  readonly count: number;
  readonly leftOut: readonly string[];
}

export function toWire(error: unknown): Answer {
  return { error: { code: isVivariumError(error) ? error.code : undefined, message: messageOf(error) } };
}

export function fromWire({ code, message }: { readonly code: string | undefined; readonly message: string }): Error {
  return code === undefined ? new Error(message) : new BundleError(code as BundleErrorCode, message);
}
