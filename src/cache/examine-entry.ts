import { rmSync } from 'node:fs';
import * as promises from 'node:fs/promises';
import { messageOf } from '#core/errors';
import type { ArtifactKey, ArtifactTrust } from '#core/ports/artifact';
import type { Clock } from '#core/ports/clock';
import type { Random } from '#core/ports/random';
import { UnusableFile } from '#files';
import { decodeArtifact, splitSeal } from './artifact-file.ts';
import type { EngineProfile } from './engine-profile.ts';
import { FILE_MODE, FOLDER_MODE, readOwnFile, writeWhole } from './files.ts';
import type { Findings } from './findings.ts';
import { textOf } from './keys.ts';
import { artifactFile, metadataFile, profileFolders } from './layout.ts';
import { describeEntry, type EntryMetadata, formatMetadata, MAX_METADATA_BYTES, parseMetadata } from './metadata.ts';
import { statOf, textOfFile } from './scan.ts';

export interface DoctorSubject {
  readonly root: string;
  readonly maxArtifactBytes: number;
  readonly trust: ArtifactTrust;
  readonly clock: Clock;
  readonly random: Random;
  readonly profiles: ReadonlyMap<string, EngineProfile>;
}

/** Checks an entry and returns its bytes; undefined if it cannot be used, or somebody has deleted it meanwhile. */
export async function examineEntry(
  key: ArtifactKey,
  subject: DoctorSubject,
  findings: Findings,
): Promise<number | undefined> {
  const { root, trust, maxArtifactBytes } = subject;
  const path = artifactFile(root, key);
  const discard = (): void => {
    removeAll(path);
    removeAll(metadataFile(root, key));
  };
  const again = 'delete the entry; it will be built again when it is needed';
  await findings.checkMode(path, FILE_MODE);
  let file: Buffer | undefined;
  try {
    file = await readOwnFile(promises, path, maxArtifactBytes);
  } catch (error) {
    const problem = error instanceof UnusableFile ? 'damaged' : 'unreadable';
    await findings.report(path, problem, messageOf(error), again, discard);
    return undefined;
  }
  // Somebody deleted it in the meantime.
  if (file === undefined) return undefined;
  let content: Buffer;
  let seal: Buffer;
  try {
    ({ content, seal } = splitSeal(file));
  } catch (error) {
    await findings.report(path, 'damaged', messageOf(error), again, discard);
    return undefined;
  }
  try {
    if (!(await trust.check(content, seal))) {
      const what = 'neither this machine nor a trusted key has sealed it';
      await findings.report(path, 'untrusted', what, again, discard);
      return undefined;
    }
  } catch (error) {
    // The entry may be right, so do not delete it for a problem of the keys.
    await findings.report(path, 'unreadable', messageOf(error), 'mend the keys that the message names');
    return undefined;
  }
  try {
    const found = decodeArtifact(content).key;
    if (textOf(found) !== textOf(key)) {
      const what = `it contains the entry of ${found.wasmDigest.slice(0, 80)} under another name`;
      await findings.report(path, 'wrong-key', what, again, discard);
      return undefined;
    }
  } catch (error) {
    await findings.report(path, 'damaged', messageOf(error), again, discard);
    return undefined;
  }
  await examineMetadata(key, content, file.length, subject, findings);
  return file.length;
}

/** Rewrites metadata that does not match its entry. */
async function examineMetadata(
  key: ArtifactKey,
  content: Buffer,
  fileBytes: number,
  { root, clock, random, profiles }: DoctorSubject,
  findings: Findings,
): Promise<void> {
  const path = metadataFile(root, key);
  const text = textOfFile(path, MAX_METADATA_BYTES);
  const found = text === undefined ? undefined : parseMetadata(text);
  const builtWith = profiles.get(key.engineProfileId) ?? found;
  const right = await describeEntry(content, fileBytes, builtWith, clock.now());
  if (statOf(path) !== undefined) await findings.checkMode(path, FILE_MODE);
  const wrong = found === undefined ? ['all of it'] : differences(found, right);
  if (wrong.length === 0) return;
  const what = text === undefined ? 'the entry has no metadata' : `the metadata lies about ${wrong.join(', ')}`;
  await findings.report(path, 'wrong-metadata', what, 'write it anew from the entry', async () => {
    removeAll(path);
    const kept =
      found === undefined ? {} : { createdAt: found.createdAt, lastUsedAt: found.lastUsedAt, hits: found.hits };
    const json = Buffer.from(formatMetadata({ ...right, ...kept }));
    const { tmp } = profileFolders(root, key.engineProfileId);
    await promises.mkdir(tmp, { recursive: true, mode: FOLDER_MODE });
    await writeWhole(promises, path, json, { folder: tmp, random, durable: false });
  });
}

/** Lists the fields that differ from those that an entry's bytes determine. */
function differences(found: EntryMetadata, right: EntryMetadata): string[] {
  const decided = [
    'engineProfileId',
    'wasmDigest',
    'bytes',
    'javascriptBytes',
    'coreModuleBytes',
    'blake3',
    'jcoVersion',
    'meteringVersion',
  ] as const;
  return decided.filter((field) => found[field] !== right[field]);
}

export function removeAll(path: string): void {
  rmSync(path, { force: true, recursive: true });
}
