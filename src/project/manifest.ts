import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'smol-toml';
import { formatComponentId, parseComponentId } from '#core';
import { messageOf } from '#core/errors';
import type { ResourceLimits } from '#core/limits';
import { fields } from '#core/options';
import { parseForeignToml } from '#core/text';
import { readRegular } from '#files';
import { ProjectError } from './errors.ts';

const MAX_BYTES = 64 * 1024;
const MAX_DEPTH = 8;

/** What `actor.toml` asks for. It grants nothing: only the embedder or the user of `viv start` does. */
export interface ActorManifest {
  readonly id: string;
  /** The component's absolute path. In the manifest, it is relative to the manifest's folder. */
  readonly component: string;
  readonly limits: ResourceLimits;
  readonly env: Readonly<Record<string, string>>;
  readonly mailbox: {
    readonly maxMessages?: number | undefined;
    readonly maxBytes?: number | undefined;
    readonly overflow?: 'reject' | 'drop-oldest' | 'wait' | undefined;
  };
  /** If undefined, the actor is not restarted after a failure. */
  readonly supervision: ManifestSupervision | undefined;
  /** The grants that the manifest asks for, as written. */
  readonly grants: readonly string[];
}

export interface ManifestSupervision {
  readonly restart?: 'permanent' | 'transient' | 'temporary' | undefined;
  /** The supervisor's name. Actors that name the same supervisor are its children, in the order in which they start. */
  readonly supervisor?: string | undefined;
  readonly strategy?: 'one-for-one' | 'one-for-all' | 'rest-for-one' | undefined;
  readonly maxRestarts?: number | undefined;
  readonly withinMs?: number | undefined;
  readonly backoffMs?: number | undefined;
  readonly maxBackoffMs?: number | undefined;
  readonly maxAttempts?: number | undefined;
}

/** Reads an `actor.toml`. @throws {ProjectError} `PROJECT_NOT_FOUND`, `PROJECT_BAD_MANIFEST` */
export async function readManifest(file: string): Promise<ActorManifest> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isDirectory()) {
    throw new ProjectError(
      'PROJECT_NOT_FOUND',
      `${file} is a folder; give the manifest in it, as ${join(file, 'actor.toml')}`,
    );
  }
  if (!found?.isFile()) throw new ProjectError('PROJECT_NOT_FOUND', `there is no manifest ${file}`);
  if (file.endsWith('.wasm')) {
    throw bad(file, 'it is a component, as it seems, and no manifest; run it with viv run, or name its actor.toml');
  }
  const bytes = await readRegular(file, MAX_BYTES, { links: 'follow' }).catch((cause: unknown) => {
    throw bad(file, `it cannot be read: ${messageOf(cause)}`, cause);
  });
  return parseManifest(bytes.toString('utf8'), file);
}

/**
 * Reads a manifest's text. Unknown keys are refused, because a misspelt limit would otherwise count as absent.
 * @param file names the manifest in messages; `component` is relative to its folder
 * @throws {ProjectError} `PROJECT_BAD_MANIFEST`
 */
export function parseManifest(text: string, file: string): ActorManifest {
  if (text.length > MAX_BYTES) throw bad(file, `it is longer than ${MAX_BYTES} characters`);
  try {
    const root = fields(parseForeignToml(text, { maxLength: MAX_BYTES, maxDepth: MAX_DEPTH }, parse), '');
    const limits = root.table('limits');
    const mailbox = root.table('mailbox');
    const supervision = root.table('supervision');
    const manifest: ActorManifest = {
      id: formatComponentId(parseComponentId(root.requiredText('id'))),
      component: resolve(dirname(file), root.requiredText('component')),
      limits: {
        maxMemoryBytes: limits?.size('max-memory'),
        maxExecutionTimeMs: limits?.duration('max-execution-time'),
        maxFuel: limits?.bigint('max-fuel'),
      },
      env: root.texts('env'),
      mailbox: {
        maxMessages: mailbox?.count('max-messages'),
        maxBytes: mailbox?.size('max-bytes'),
        overflow: mailbox?.oneOf('overflow', ['reject', 'drop-oldest', 'wait']),
      },
      supervision: supervision && {
        restart: supervision.oneOf('restart', ['permanent', 'transient', 'temporary']),
        supervisor: supervision.text('supervisor'),
        strategy: supervision.oneOf('strategy', ['one-for-one', 'one-for-all', 'rest-for-one']),
        maxRestarts: supervision.count('max-restarts'),
        withinMs: supervision.duration('within'),
        backoffMs: supervision.duration('backoff'),
        maxBackoffMs: supervision.duration('max-backoff'),
        maxAttempts: supervision.count('max-attempts'),
      },
      grants: root.list('grants'),
    };
    root.refuseOthers();
    return manifest;
  } catch (cause) {
    if (cause instanceof ProjectError) throw cause;
    // The first line of the parser's message says what is wrong and where. The rest quotes the file and may be long.
    throw bad(file, messageOf(cause).split('\n', 1)[0] ?? '', cause);
  }
}

function bad(file: string, what: string, cause?: unknown): ProjectError {
  return new ProjectError('PROJECT_BAD_MANIFEST', `${file}: ${what}`, { cause });
}
