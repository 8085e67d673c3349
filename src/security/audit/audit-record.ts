import { createHash } from 'node:crypto';
import type { AuditEntry } from '#core/ports/audit';
import { field, parseJsonObject, parseTime, textField } from '../json.ts';

/** An entry as the log stores it. */
export interface AuditRecord extends AuditEntry {
  /** Counts from 1 over the whole log, including rotated files. */
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly pid: number;
}

/** A place in the chain: the number of a line and its hash. */
export interface Link {
  readonly seq: number;
  /** SHA-256 in hex. */
  readonly hash: string;
}

/** The link that the first line continues. */
export const GENESIS: Link = { seq: 0, hash: '0'.repeat(64) };

/** More bytes than any line of `formatRecord` has. We did not write a longer line. */
export const MAX_LINE_BYTES: number = 16 * 1024;

const MAX_NAME = 256;
const MAX_DETAIL = 512;
const TAIL = /,"hash":"([0-9a-f]{64})"\}$/;
const OUTCOMES = ['granted', 'denied', 'done', 'failed'] as const;

/**
 * Formats a line of the log without its line end. Each line contains the hash of the line before, and ends with the
 * hash of its own contents.
 */
export function formatRecord(entry: AuditEntry, time: number, pid: number, after: Link): { line: string; link: Link } {
  const seq = after.seq + 1;
  const fields = {
    seq,
    time: new Date(time).toISOString(),
    pid,
    action: cut(entry.action, MAX_NAME),
    component: cut(entry.component, MAX_NAME),
    target: cut(entry.target, MAX_NAME),
    outcome: entry.outcome,
    detail: cut(entry.detail, MAX_DETAIL),
    count: entry.count,
    prev: after.hash,
  };
  const text = JSON.stringify(fields).slice(0, -1);
  const hash = hashOf(text);
  return { line: `${text},"hash":"${hash}"}`, link: { seq, hash } };
}

/**
 * Parses a line that is whole and has the right hash, or returns undefined. The reader of the chain checks which line
 * it continues.
 */
export function parseRecord(line: string): { record: AuditRecord; link: Link; prev: string } | undefined {
  const hash = TAIL.exec(line)?.[1];
  if (hash === undefined || hashOf(line.slice(0, -`,"hash":"${hash}"}`.length)) !== hash) return undefined;
  const object = parseJsonObject(line);
  if (object === undefined) return undefined;
  const [seq, pid, count] = ['seq', 'pid', 'count'].map((name) => field(object, name));
  const time = parseTime(field(object, 'time'));
  const [action, component, prev] = ['action', 'component', 'prev'].map((name) => textField(object, name));
  const outcome = OUTCOMES.find((known) => known === field(object, 'outcome'));
  if (!isCount(seq) || typeof pid !== 'number' || (count !== undefined && !isCount(count))) return undefined;
  if (time === undefined || action === undefined || component === undefined || outcome === undefined) return undefined;
  if (prev === undefined) return undefined;
  const [target, detail] = [textField(object, 'target'), textField(object, 'detail')];
  return { record: { seq, time, pid, action, component, target, outcome, detail, count }, link: { seq, hash }, prev };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Cuts a text, because guests choose targets and must not make lines grow. */
function cut<T extends string | undefined>(text: T, length: number): T | string {
  return text !== undefined && text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
