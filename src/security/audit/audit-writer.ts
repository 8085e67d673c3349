import { constants } from 'node:fs';
import { type FileHandle, rename, unlink } from 'node:fs/promises';
import type { AuditEntry } from '#core/ports/audit';
import { openRegular, UnusableFile } from '#files';
import { SecurityError } from '../errors.ts';
import { type AuditFolder, type HeadFound, linkBefore, openLog } from './audit-folder.ts';
import { formatRecord, GENESIS, type Link, MAX_LINE_BYTES, parseRecord } from './audit-record.ts';

export interface TimedEntry {
  readonly entry: AuditEntry;
  readonly time: number;
}

export interface RotationLimits {
  readonly maxFileBytes: number;
  /** The number of files that are kept, including the current one. */
  readonly maxFiles: number;
}

/**
 * Appends a batch and moves the head while the folder is locked. Lines are written first and the head second. After a
 * crash between the two the head is behind, which loses nothing; a head that is ahead means that lines were removed.
 */
export async function writeBatch(
  folder: AuditFolder,
  batch: readonly TimedEntry[],
  limits: RotationLimits,
): Promise<void> {
  const head = await folder.readHead();
  let file = await openCurrent(folder);
  let link: Link;
  try {
    const tail = await readTail(file);
    if (tail.torn > 0) await file.truncate(tail.size);
    const before = tail.size === 0 ? await lastRotated(folder) : tail.last;
    const from = continueFrom(head, before);
    const notes = remarks(head, before, tail.torn).map((entry) => ({ entry, time: batch[0]?.time ?? 0 }));
    const chained = chain(from, [...notes, ...batch]);
    if (tail.size > 0 && tail.size + chained.lines.length > limits.maxFileBytes) {
      await rename(folder.current, folder.rotatedName(from.seq));
      await file.close();
      file = await openCurrent(folder);
    }
    await appendLines(file, chained.lines);
    link = chained.link;
  } finally {
    await file.close();
  }
  const files = await folder.rotated();
  const surplus = files.slice(0, Math.max(0, files.length - (limits.maxFiles - 1)));
  const oldest = files[surplus.length] ?? folder.current;
  const first = surplus.length === 0 && typeof head === 'object' ? head.first : await linkBefore(oldest);
  await folder.writeHead({ last: link, first: first ?? GENESIS });
  for (const path of surplus) await unlink(path);
}

const APPEND = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT;

async function openCurrent(folder: AuditFolder): Promise<FileHandle> {
  return openRegular(folder.current, { links: 'refuse', flags: APPEND, mode: 0o600 }).catch((cause: unknown) => {
    if (!(cause instanceof UnusableFile)) throw cause;
    const message = `${folder.current} is not a file of the audit log: ${cause.message}; remove it`;
    throw new SecurityError('SECURITY_UNSAFE_FILE', message, { cause });
  });
}

function chain(after: Link, entries: readonly TimedEntry[]): { link: Link; lines: string } {
  let link = after;
  let lines = '';
  for (const { entry, time } of entries) {
    const made = formatRecord(entry, time, process.pid, link);
    lines += `${made.line}\n`;
    link = made.link;
  }
  return { link, lines };
}

/**
 * Decides which link the chain continues. Lines beyond the head were written by a process that died before it moved the
 * head. A log that ends before its head was cut: the chain continues from the head, so that the gap stays visible for
 * ever.
 */
function continueFrom(head: HeadFound, tail: Link | undefined): Link {
  if (typeof head === 'string') return tail ?? GENESIS;
  return tail !== undefined && tail.seq > head.last.seq ? tail : head.last;
}

/** Returns what the log must record about its own state before it continues. */
function remarks(head: HeadFound, tail: Link | undefined, torn: number): readonly AuditEntry[] {
  const remark = (action: string, detail: string): AuditEntry => ({
    action,
    component: 'vivarium',
    outcome: 'failed',
    detail,
  });
  const found: AuditEntry[] = [];
  if (torn > 0) found.push(remark('audit:torn', `${torn} bytes of a line that was never finished were dropped`));
  if (head === 'forged' || (head === 'missing' && tail !== undefined)) {
    found.push(remark('audit:head', `the head of the log was ${head}: lines before this one may have been taken away`));
  }
  return found;
}

interface Tail {
  readonly last: Link | undefined;
  /** The bytes of whole lines. */
  readonly size: number;
  /** The bytes after them. */
  readonly torn: number;
}

async function readTail(file: FileHandle): Promise<Tail> {
  const { size } = await file.stat();
  const length = Math.min(size, 2 * MAX_LINE_BYTES);
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
  const end = buffer.lastIndexOf('\n');
  const lines = buffer.subarray(0, Math.max(0, end)).toString('utf8').split('\n');
  const torn = length - (end + 1);
  // A whole but damaged last line gives no link. The head then decides where the chain continues.
  return { last: parseRecord(lines.at(-1) ?? '')?.link, size: size - torn, torn };
}

async function lastRotated(folder: AuditFolder): Promise<Link | undefined> {
  const path = (await folder.rotated()).at(-1);
  const file = path === undefined ? undefined : await openLog(path);
  if (file === undefined) return undefined;
  try {
    return (await readTail(file)).last;
  } finally {
    await file.close();
  }
}

/** Writes all lines or none: after a partial write on a full disk, entries would be written twice. */
async function appendLines(file: FileHandle, lines: string): Promise<void> {
  const { size } = await file.stat();
  try {
    await file.appendFile(lines);
    await file.datasync();
  } catch (error) {
    await file.truncate(size).catch(() => undefined);
    throw error;
  }
}
