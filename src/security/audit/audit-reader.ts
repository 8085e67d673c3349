import type { FileHandle } from 'node:fs/promises';
import { allow, checkOptions } from '#core/options';
import { wait } from '#core/waiting';
import { type AuditFolder, type HeadFound, openLog } from './audit-folder.ts';
import { type AuditRecord, type Link, MAX_LINE_BYTES, parseRecord } from './audit-record.ts';

/** A change of the log that is not the work of its writers. */
export interface AuditFinding {
  readonly kind: 'changed' | 'removed' | 'reordered' | 'cut' | 'head';
  /** The path of the file, and the number of the line in it, counted from 1. */
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  readonly message: string;
}

export interface AuditReport {
  readonly lines: number;
  readonly files: number;
  readonly findings: readonly AuditFinding[];
}

interface LogFile {
  readonly path: string;
  readonly handle: FileHandle;
  readonly size: number;
}

const MAX_FINDINGS = 100;
const CHUNK_BYTES = 64 * 1024;

/**
 * Checks the whole chain, from the first line that is kept to the sealed head. It finds lines that were changed,
 * removed (at either end as well) or reordered. It cannot find what was written by somebody who has the machine's
 * secret.
 */
export async function verifyAudit(folder: AuditFolder): Promise<AuditReport> {
  const { head, files } = await snapshot(folder);
  const findings: AuditFinding[] = [];
  let lines = 0;
  let last: Link | undefined;
  let headSeen = typeof head === 'string' || head.last.seq === 0;
  try {
    for (const file of files) {
      let line = 0;
      for await (const text of linesOf(file)) {
        line += 1;
        lines += 1;
        const at = { file: file.path, line };
        const parsed = text === undefined ? undefined : parseRecord(text);
        if (parsed === undefined) {
          note(findings, { kind: 'changed', ...at, message: 'this line was changed after it was written' });
          last = undefined;
          continue;
        }
        const { link, prev } = parsed;
        const follows = last ?? (lines === 1 ? startOf(head, link) : undefined);
        if (follows !== undefined) compare(findings, at, follows, link, prev);
        if (typeof head === 'object' && head.last.seq === link.seq) {
          headSeen = true;
          if (head.last.hash !== link.hash)
            note(findings, { kind: 'changed', ...at, message: 'the head of the log has another line at this place' });
        }
        last = link;
      }
    }
  } finally {
    for (const { handle } of files) await handle.close();
  }
  if (typeof head === 'string' && lines > 0) note(findings, headFinding(head));
  if (!headSeen && typeof head === 'object') {
    const message = `the log was written up to line ${head.last.seq}; what it holds ends with ${last?.seq ?? 'a damaged line'}`;
    note(findings, { kind: 'cut', message });
  }
  return { lines, files: files.length, findings };
}

const FOLLOW_MS = 250;

/** Selects records. A field that is left out selects all. */
export interface AuditFilter {
  /** The component's id, or its beginning up to a `/`. */
  readonly component?: string | undefined;
  /** The action, or its beginning up to a `:`. */
  readonly action?: string | undefined;
  readonly outcome?: AuditRecord['outcome'] | undefined;
  /** Milliseconds since 1970. */
  readonly since?: number | undefined;
}

const FILTER: allow.OptionRules<AuditFilter> = {
  component: allow.text,
  action: allow.text,
  outcome: allow.oneOf('granted', 'denied', 'done', 'failed'),
  since: allow.rule('milliseconds since 1970', (value) => Number.isFinite(value)),
};
const RULE = allow.options(FILTER);

/**
 * Reads the records of a log, oldest first. Damaged lines are skipped; `verifyAudit` names them. With `follow` it looks
 * for new records every `everyMs` milliseconds (250 by default) by the folder's clock, until the signal is aborted.
 */
export async function* readAudit(
  folder: AuditFolder,
  filter: AuditFilter = {},
  follow?: { readonly signal: AbortSignal; readonly everyMs?: number },
): AsyncGenerator<AuditRecord> {
  checkOptions(filter, RULE);
  let lastSeq = 0;
  for (;;) {
    const { files } = await snapshot(folder);
    try {
      for (const file of files) {
        // Older files are read once; later rounds read only the newest ones.
        if (lastSeq > 0 && (await lastSeqOf(file)) <= lastSeq) continue;
        for await (const text of linesOf(file)) {
          const record = text === undefined ? undefined : parseRecord(text)?.record;
          if (record === undefined || record.seq <= lastSeq) continue;
          lastSeq = record.seq;
          if (wanted(record, filter)) yield record;
        }
      }
    } finally {
      for (const { handle } of files) await handle.close();
    }
    if (follow === undefined || follow.signal.aborted) return;
    await wait(folder.clock, follow.everyMs ?? FOLLOW_MS, follow.signal).catch(() => undefined);
    if (follow.signal.aborted) return;
  }
}

function wanted(record: AuditRecord, { component, action, outcome, since }: AuditFilter): boolean {
  if (component !== undefined && record.component !== component && !record.component.startsWith(`${component}/`))
    return false;
  if (action !== undefined && record.action !== action && !record.action.startsWith(`${action}:`)) return false;
  return (outcome === undefined || record.outcome === outcome) && (since === undefined || record.time >= since);
}

/** Opens the files and the head between two writes, so that rotation cannot move a file away while it is read. */
function snapshot(folder: AuditFolder): Promise<{ head: HeadFound; files: readonly LogFile[] }> {
  return folder.locked(async () => {
    const files: LogFile[] = [];
    for (const path of [...(await folder.rotated()), folder.current]) {
      const handle = await openLog(path);
      if (handle !== undefined) files.push({ path, handle, size: (await handle.stat()).size });
    }
    return { head: await folder.readHead(), files };
  });
}

/**
 * Reads the lines of a file up to its size in the snapshot. Undefined stands for a line that is too long to be ours.
 */
async function* linesOf({ handle, size }: LogFile): AsyncGenerator<string | undefined> {
  let rest = Buffer.alloc(0);
  let skipping = false;
  for (let at = 0; at < size; ) {
    const length = Math.min(CHUNK_BYTES, size - at);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, at);
    if (bytesRead === 0) break;
    at += bytesRead;
    rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    for (let end = rest.indexOf('\n'); end !== -1; end = rest.indexOf('\n')) {
      yield skipping ? undefined : rest.subarray(0, end).toString('utf8');
      skipping = false;
      rest = rest.subarray(end + 1);
    }
    if (rest.length > MAX_LINE_BYTES) {
      skipping = true;
      rest = Buffer.alloc(0);
    }
  }
  if (rest.length > 0 || skipping) yield undefined;
}

async function lastSeqOf(file: LogFile): Promise<number> {
  const from = Math.max(0, file.size - 2 * MAX_LINE_BYTES);
  const { buffer, bytesRead } = await file.handle.read(Buffer.alloc(file.size - from), 0, file.size - from, from);
  const line = buffer.subarray(0, bytesRead).toString('utf8').trimEnd().split('\n').at(-1) ?? '';
  return parseRecord(line)?.link.seq ?? Number.POSITIVE_INFINITY;
}

/**
 * Returns the link that the first line must continue. A file that was to be deleted and still exists may begin earlier.
 */
function startOf(head: HeadFound, line: Link): Link | undefined {
  return typeof head === 'object' && line.seq > head.first.seq ? head.first : undefined;
}

function compare(
  findings: AuditFinding[],
  at: { file: string; line: number },
  before: Link,
  link: Link,
  prev: string,
): void {
  const missing = link.seq - before.seq - 1;
  if (missing > 0) {
    note(findings, {
      kind: 'removed',
      ...at,
      message: `${missing} ${missing === 1 ? 'line is' : 'lines are'} missing before this one`,
    });
  } else if (missing < 0) {
    note(findings, { kind: 'reordered', ...at, message: `line ${link.seq} stands after line ${before.seq}` });
  } else if (prev !== before.hash) {
    note(findings, { kind: 'changed', ...at, message: 'this line was not written after the line before it' });
  }
}

function headFinding(head: 'missing' | 'forged'): AuditFinding {
  const message =
    head === 'missing'
      ? 'the head of the log is missing: nobody can tell whether lines were cut off its end'
      : 'the head of the log was not written by this machine: nobody can tell whether lines were cut off its end';
  return { kind: 'head', message };
}

function note(findings: AuditFinding[], finding: AuditFinding): void {
  if (findings.length < MAX_FINDINGS) findings.push(finding);
}
