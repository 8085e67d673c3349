import { shownText } from '#core/text';
import { BundleError } from '../errors.ts';
import { PRODUCER } from '../lockfile/model.ts';

/** The place of a bundle in a registry. */
export interface Repository {
  /** Scheme, host and port. */
  readonly registry: URL;
  /** What comes before `/v2/`: empty, or the `/prefix` of a registry that is not at the root of its host. */
  readonly base: string;
  /** The name, `<producer>/<scope>`. */
  readonly name: string;
}

const PART = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
export const DIGEST: RegExp = /^sha256:[0-9a-f]{64}$/;

/** @throws {BundleError} `BUNDLE_INVALID_OPTION` */
export function repositoryOf(remote: string, producer: string, scope: string): Repository {
  const text = remote.includes('://') ? remote : `https://${remote}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw option(`${shownText(remote)} is not a registry; write it as https://host or https://host/prefix`);
  }
  if (url.username !== '' || url.password !== '') {
    throw option('the registry holds a password, which others can see; give a token with --token-file');
  }
  const parts = scope.split('/');
  if (scope === '') throw option('a remote needs a scope; give one with --scope, as myrepo/abc123');
  if (!PRODUCER.test(producer)) throw option(`${shownText(producer)} is not the name of a producer`);
  const bad = parts.find((part) => !PART.test(part));
  if (bad !== undefined) {
    throw option(
      `${shownText(bad)} cannot be part of a repository's name: lower-case letters and digits, joined by . _ or -`,
    );
  }
  const name = [producer, ...parts].join('/');
  if (name.length > 255) throw option(`the repository's name has ${name.length} characters; at most 255 are allowed`);
  const base = url.pathname.split('/').filter((part) => part !== '');
  return { registry: new URL(url.origin), base: base.map((part) => `/${part}`).join(''), name };
}

/** @throws {BundleError} `BUNDLE_INVALID_OPTION` unless it is a tag */
export function checkTag(tag: string): string {
  if (!TAG.test(tag)) throw option(`${shownText(tag)} is not a tag: at most 128 of letters, digits, . _ and -`);
  return tag;
}

/** @throws {BundleError} `BUNDLE_INVALID_OPTION` unless it is a tag or a digest */
export function checkReference(reference: string): string {
  return DIGEST.test(reference) ? reference : checkTag(reference);
}

function option(what: string): BundleError {
  return new BundleError('BUNDLE_INVALID_OPTION', what);
}
