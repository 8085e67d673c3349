import { type FileHandle, lstat, mkdir, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '#core/ports/clock';
import { wait } from '#core/waiting';
import { openRegular } from '#files';
import type { MachineSecret } from '#security/keys';
import { SecurityError } from '../errors.ts';
import { field, parseJsonObject, textField } from '../json.ts';
import { hasCode, readPrivateFile, writeWhole } from '../private-file.ts';
import { GENESIS, type Link, MAX_LINE_BYTES, parseRecord } from './audit-record.ts';

/**
 * Where the log begins and ends, sealed by the machine's secret. Without it nobody could notice lines that were cut off
 * at either end.
 */
export interface AuditHead {
  /** The last line that was written. */
  readonly last: Link;
  /** The line before the first line that is still kept. */
  readonly first: Link;
}

export type HeadFound = AuditHead | 'missing' | 'forged';

const PURPOSE = 'vivarium audit head v1';
const CURRENT = 'audit.jsonl';
const ROTATED = /^audit-\d{12}\.jsonl$/;
const MAX_HEAD_BYTES = 4_096;
const RETRY_MS = 5;
/** How often the lock is tried: for about thirty seconds, while any holder has it for milliseconds. */
const LOCK_ATTEMPTS = 6_000;

/**
 * The folder of an audit log:
 *
 *     audit.jsonl                  lines are appended here
 *     audit-000000000001.jsonl     full files, by the number of their last line
 *     head.json                    `AuditHead`, sealed
 *     lock                         held while writing
 */
export class AuditFolder {
  readonly path: string;
  readonly #secret: MachineSecret;
  readonly clock: Pick<Clock, 'after'>;

  constructor(path: string, secret: MachineSecret, clock: Pick<Clock, 'after'>) {
    this.path = path;
    this.clock = clock;
    this.#secret = secret;
  }

  get current(): string {
    return join(this.path, CURRENT);
  }

  rotatedName(lastSeq: number): string {
    return join(this.path, `audit-${String(lastSeq).padStart(12, '0')}.jsonl`);
  }

  /** The full files, oldest first. */
  async rotated(): Promise<readonly string[]> {
    const names = await readdir(this.path).catch(() => []);
    return names
      .filter((name) => ROTATED.test(name))
      .toSorted()
      .map((name) => join(this.path, name));
  }

  async readHead(): Promise<HeadFound> {
    const bytes = await readPrivateFile(join(this.path, 'head.json'), 'public', MAX_HEAD_BYTES);
    if (bytes === undefined) return 'missing';
    const object = parseJsonObject(Buffer.from(bytes).toString('utf8'));
    const text = object === undefined ? undefined : textField(object, 'head');
    const seal = object === undefined ? undefined : textField(object, 'seal');
    if (text === undefined || seal === undefined) return 'forged';
    const sealed = await this.#secret.verify(PURPOSE, Buffer.from(text), Buffer.from(seal, 'hex'));
    return sealed ? (parseHead(text) ?? 'forged') : 'forged';
  }

  async writeHead({ last, first }: AuditHead): Promise<void> {
    const head = JSON.stringify({ last, first });
    const seal = Buffer.from(await this.#secret.code(PURPOSE, Buffer.from(head))).toString('hex');
    await writeWhole(join(this.path, 'head.json'), `${JSON.stringify({ head, seal })}\n`, 'replace');
  }

  /**
   * Runs `task` while no other process or thread writes. The lock is a transaction on an empty SQLite file, which takes
   * a lock of the operating system. It disappears with its holder, however that ends.
   */
  async locked<T>(task: () => Promise<T>): Promise<T> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    const path = join(this.path, 'lock');
    // Create the file, but do not open it otherwise: closing any descriptor of a file drops all locks that this process
    // has on it.
    await open(path, 'wx', 0o600).then(
      (file) => file.close(),
      (error: unknown) => {
        if (!hasCode(error, 'EEXIST')) throw error;
      },
    );
    // SQLite would wait for a FIFO for ever. The check uses the name and opens no descriptor, for the same reason.
    if (!(await lstat(path)).isFile()) {
      throw new SecurityError('SECURITY_UNSAFE_FILE', `${path} is not a regular file; remove it`, {
        details: { path },
      });
    }
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(path, { timeout: 0 });
    try {
      for (let attempt = 1; ; attempt += 1) {
        try {
          database.exec('BEGIN EXCLUSIVE');
          break;
        } catch (error) {
          if (!isBusy(error)) throw error;
          if (attempt === LOCK_ATTEMPTS) throw locked(path);
          await wait(this.clock, RETRY_MS);
        }
      }
      return await task();
    } finally {
      database.close();
    }
  }
}

/** Opens a file of the log for reading. Returns undefined when there is none. */
export async function openLog(path: string): Promise<FileHandle | undefined> {
  try {
    return await openRegular(path, { links: 'refuse' });
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/**
 * Returns the link that the first line of a file continues, or undefined when the file does not begin with a whole
 * line.
 */
export async function linkBefore(path: string): Promise<Link | undefined> {
  const file = await openLog(path);
  if (file === undefined) return undefined;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_LINE_BYTES), 0, MAX_LINE_BYTES, 0);
    const [line = ''] = buffer.subarray(0, bytesRead).toString('utf8').split('\n', 1);
    const parsed = parseRecord(line);
    return parsed && { seq: parsed.link.seq - 1, hash: parsed.prev };
  } finally {
    await file.close();
  }
}

function parseHead(text: string): AuditHead | undefined {
  const object = parseJsonObject(text);
  if (object === undefined) return undefined;
  const [last, first] = [parseLink(field(object, 'last')), parseLink(field(object, 'first'))];
  return last && first && { last, first };
}

function parseLink(value: unknown): Link | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const [seq, hash] = [field(value, 'seq'), textField(value, 'hash')];
  return typeof seq === 'number' && hash?.length === GENESIS.hash.length ? { seq, hash } : undefined;
}

/** Whether the error is SQLITE_BUSY. */
function locked(path: string): SecurityError {
  return new SecurityError(
    'SECURITY_STORE_FAILED',
    `another process holds ${path} for longer than any write takes; end it`,
    {
      details: { path },
    },
  );
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5;
}
