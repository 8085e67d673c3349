import { allow } from '#core/options';
import { BundleError } from './errors.ts';
import { checkReference, repositoryOf } from './oci/repository.ts';
import { type RemoteVerifyOptions, type RemoteVerifyReport, verifyRemote } from './oci/verify.ts';
import { checkBundleOptions } from './option-rules.ts';
import { type RemoteOptions, remoteWith, SURROUNDINGS, type Surroundings, withRemote } from './remote.ts';

export interface VerifyOptions extends Surroundings {
  readonly remote: RemoteOptions & Omit<RemoteVerifyOptions, 'producer' | 'random' | 'onProgress'>;
  /** Without a producer, `mache` and then `vivarium` are tried. */
  readonly producer?: string;
  readonly onProgress?: RemoteVerifyOptions['onProgress'];
}

const VERIFY: allow.OptionRules<VerifyOptions> = {
  ...SURROUNDINGS,
  remote: remoteWith('reference'),
  producer: allow.text,
  onProgress: allow.func,
};
const RULE = allow.required(VERIFY, 'clock', 'random', 'remote');

const PRODUCERS = ['mache', 'vivarium'];

/** Checks a bundle in a registry. The report names its producer. @throws as `verifyRemote` */
export async function verify(options: VerifyOptions): Promise<RemoteVerifyReport> {
  checkBundleOptions(options, RULE);
  const { remote, producer, onProgress, ...surroundings } = options;
  checkReference(remote.reference);
  const candidates = producer === undefined ? PRODUCERS : [producer];
  for (const candidate of candidates) repositoryOf(remote.url, candidate, remote.scope);
  let absent: unknown;
  for (const candidate of candidates) {
    try {
      return await withRemote(remote, candidate, surroundings, (client) =>
        verifyRemote(client, {
          ...remote,
          producer: candidate,
          random: surroundings.random,
          ...(onProgress !== undefined && { onProgress }),
        }),
      );
    } catch (error) {
      if (!(error instanceof BundleError) || error.code !== 'BUNDLE_NOT_FOUND') throw error;
      absent ??= error;
    }
  }
  throw absent;
}
