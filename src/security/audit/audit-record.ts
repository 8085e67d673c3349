import { createHash } from 'node:crypto';
import type { AuditEntry } from '#core/ports/audit';
import { field, parseJsonObject, parseTime, textField } from '../json.ts';

/** An entry as it stands in the log. */
export interface AuditRecord extends AuditEntry {
  /** Counts from 1 over the whole log, rotation included. */
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

/** What the first line follows. */
export const GENESIS: Link = { seq: 0, hash: '0'.repeat(64) };

/** Longer than any line that `formatRecord` makes; what is longer was not written by us. */
export const MAX_LINE_BYTES: number = 16 * 1024;

const MAX_NAME = 256;
const MAX_DETAIL = 512;
const TAIL = /,"hash":"([0-9a-f]{64})"\}$/;
const OUTCOMES = ['granted', 'denied', 'done', 'failed'] as const;

/** A line of the log, without its end. Each names the hash of the line before, and ends with the hash of what precedes. */
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

/** A line that is whole and whose hash is right, or undefined. What it follows is for the reader of the chain to check. */
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

/** Guests choose targets; a line must not grow with them. */
function cut<T extends string | undefined>(text: T, length: number): T | string {
  return text !== undefined && text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
