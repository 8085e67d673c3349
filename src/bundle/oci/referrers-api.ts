import { discard, readBody } from './bounded-body.ts';
import type { Destination } from './http-client.ts';
import { INDEX_TYPE, MAX_MANIFEST_BYTES } from './manifest.ts';
import type { RegistrySession } from './registry-session.ts';

/** One page of the list of manifests that refer to a manifest. */
export interface ReferrersPage {
  /** The page as an OCI index. */
  readonly index: Buffer;
  /** The next page. */
  readonly next?: Destination;
}

/** Answers of registries that do not support the referrers API. */
const UNSUPPORTED: ReadonlySet<number> = new Set([404, 405]);

/**
 * Requests the manifests that refer to `subject` (distribution specification 1.1).
 * @returns `undefined` if the registry does not support the referrers API
 */
export function getReferrers(
  session: RegistrySession,
  subject: string,
  artifactType: string,
  next?: Destination,
): Promise<ReferrersPage | undefined> {
  return session.retrying(async () => {
    const url = session.url(`referrers/${subject}`);
    url.searchParams.set('artifactType', artifactType);
    const response = await session.send({ method: 'GET', ...(next ?? { url }), headers: { accept: INDEX_TYPE } });
    if (next === undefined && UNSUPPORTED.has(response.status)) {
      await discard(response.body);
      return undefined;
    }
    await session.expect(response, [200], `asking what refers to ${subject}`);
    const index = await readBody(response.body, MAX_MANIFEST_BYTES, response.url);
    const location = nextOf(response.headers.link);
    if (location === undefined) return { index };
    return { index, next: session.locationOf({ ...response, headers: { location } }) };
  });
}

/** Returns the target of a `Link` header with `rel="next"` (RFC 8288), as registries write it. */
function nextOf(link: string | undefined): string | undefined {
  if (link === undefined || !link.startsWith('<')) return undefined;
  const end = link.indexOf('>');
  return end !== -1 && /rel="?next"?/.test(link.slice(end)) ? link.slice(1, end) : undefined;
}
