import type { FileHandle } from 'node:fs/promises';
import { allow, checkOptions } from '#core/options';
import { type AuditFolder, type HeadFound, openLog } from './audit-folder.ts';
import { type AuditRecord, type Link, MAX_LINE_BYTES, parseRecord } from './audit-record.ts';

/** Something that was done to the log. */
export interface AuditFinding {
  readonly kind: 'changed' | 'removed' | 'reordered' | 'cut' | 'head';
  /** Where: a file's path and the number of the line in it, counted from 1. */
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
 * Checks the whole chain, from the first line that is kept to the sealed head. Found are lines that were changed, removed
 * (at either end as well) or reordered; not found is what somebody wrote who holds the machine's secret.
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
          note(findings, { kind: 'changed', ...at, message: 'this line is not as it was written' });
          last = undefined;
          continue;
        }
        const { link, prev } = parsed;
        const follows = last ?? (lines === 1 ? startOf(head, link) : undefined);
        if (follows !== undefined) compare(findings, at, follows, link, prev);
        if (typeof head === 'object' && head.last.seq === link.seq) {
          headSeen = true;
          if (head.last.hash !== link.hash)
            note(findings, { kind: 'changed', ...at, message: 'the head knows another line here' });
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

/** Which records are wanted; a field left out wants all. */
export interface AuditFilter {
  /** The component, or its beginning up to a `/`. */
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
 * The records of a log, oldest first; lines that are damaged are passed over (`verifyAudit` names them). With `follow`,
 * goes on with what is written until the signal ends it.
 */
export async function* readAudit(
  folder: AuditFolder,
  filter: AuditFilter = {},
  follow?: { readonly signal: AbortSignal; readonly wait: () => Promise<void> },
): AsyncGenerator<AuditRecord> {
  checkOptions(filter, RULE);
  let lastSeq = 0;
  for (;;) {
    const { files } = await snapshot(folder);
    try {
      for (const file of files) {
        // Older files are gone through once; later rounds read the newest ones only.
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
    await follow.wait();
    if (follow.signal.aborted) return;
  }
}

function wanted(record: AuditRecord, { component, action, outcome, since }: AuditFilter): boolean {
  if (component !== undefined && record.component !== component && !record.component.startsWith(`${component}/`))
    return false;
  if (action !== undefined && record.action !== action && !record.action.startsWith(`${action}:`)) return false;
  return (outcome === undefined || record.outcome === outcome) && (since === undefined || record.time >= since);
}

/** The files and the head as they are between two writes: rotation cannot move a file away while it is read. */
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

/** The lines of a file up to the size it had; undefined stands for one that is too long to be ours. */
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

/** What the first line must follow. A file that was to be deleted and is still there may begin earlier. */
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
    note(findings, { kind: 'changed', ...at, message: 'this line follows another one than stands before it' });
  }
}

function headFinding(head: 'missing' | 'forged'): AuditFinding {
  const message =
    head === 'missing'
      ? 'the head of the log is missing: whether lines were cut off its end cannot be told'
      : 'the head of the log was not written by this machine: whether lines were cut off its end cannot be told';
  return { kind: 'head', message };
}

function note(findings: AuditFinding[], finding: AuditFinding): void {
  if (findings.length < MAX_FINDINGS) findings.push(finding);
}
