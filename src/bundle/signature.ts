import { isVivariumError } from '#core/errors';
import { shownPath } from '#core/text';
import {
  digestOf,
  type Envelope,
  formatEnvelope,
  readSignatureFile,
  signaturePath,
  signFile,
  verifyStatement,
} from '#security/signatures';
import type { Signer, TrustedKey, TrustedKeys } from '#security/signers';
import { BundleError } from './errors.ts';
import type { LoadedLockfile } from './lockfile/lockfile-file.ts';
import { CONFIG_TYPE } from './oci/manifest.ts';

/** Which signatures are valid, and at what time. */
export interface BundleTrust {
  readonly keys: TrustedKeys;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The trusted keys that signed a lockfile, or why the existing signature is not valid. */
export type Judgement = { readonly signers: readonly TrustedKey[] } | { readonly refused: string };

/**
 * Signs a packed lockfile, in a file beside it. The lockfile names every chunk, so this signs the bundle wherever it
 * is. Signing the same lockfile again with the same key gives the same envelope.
 */
export async function signLockfile(path: string, signer: Signer, now: number): Promise<string> {
  await signFile(path, signer, { mediaType: CONFIG_TYPE, signedAt: now });
  const envelope = await readSignatureFile(path);
  if (envelope !== undefined) return formatEnvelope(envelope);
  throw new BundleError('BUNDLE_STORAGE_FAILED', `${shownPath(signaturePath(path))} was removed meanwhile; push again`);
}

/**
 * Returns who signed the lockfile of this digest, by the envelope that `read` returns.
 * @returns `undefined` if there is no envelope
 */
export async function judge(
  read: () => Promise<Envelope | undefined>,
  digest: string,
  trust: BundleTrust,
): Promise<Judgement | undefined> {
  try {
    const envelope = await read();
    return envelope && { signers: await verifyStatement(envelope, { digest, mediaType: CONFIG_TYPE }, trust) };
  } catch (error) {
    // A trust store that cannot be read says nothing about the bundle.
    if (!isVivariumError(error, 'SECURITY_BAD_SIGNATURE') && !isVivariumError(error, 'SECURITY_UNTRUSTED')) throw error;
    return { refused: error.message };
  }
}

/** Returns who signed a lockfile in a folder, or `undefined` if there is no signature beside it. */
export function judgeBeside(
  { path, bytes }: Pick<LoadedLockfile, 'path' | 'bytes'>,
  trust: BundleTrust,
): Promise<Judgement | undefined> {
  return judge(() => readSignatureFile(path), digestOf(bytes), trust);
}

/** @throws {BundleError} `BUNDLE_UNTRUSTED` unless a trusted key signed the lockfile */
export async function requireBeside(loaded: LoadedLockfile, trust: BundleTrust): Promise<readonly TrustedKey[]> {
  const judgement = await judgeBeside(loaded, trust);
  if (judgement !== undefined && 'signers' in judgement) return judgement.signers;
  const why = judgement?.refused ?? `there is no ${shownPath(signaturePath(loaded.path))}`;
  throw untrusted(`the bundle in ${shownPath(loaded.folder)}`, [why]);
}

export function untrusted(what: string, why: readonly string[]): BundleError {
  return new BundleError(
    'BUNDLE_UNTRUSTED',
    `no trusted key signed ${what} (${why.join('; ')}): trust the key of whoever pushed it with 'viv key import', or have it pushed with --sign`,
  );
}
