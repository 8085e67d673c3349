import { problem } from './problem.ts';

/**
 * Refuses a request that a page of another origin made a browser send. Browsers tell the origin of a request that may change
 * something, and newer ones the relation between the page and its target; other programs send neither.
 */
export function crossSite(request: Request): Response | undefined {
  const site = request.headers.get('sec-fetch-site');
  const origin = request.headers.get('origin');
  const isForeign = site === 'cross-site' || site === 'same-site';
  const isOther = origin !== null && !isOwn(origin, new URL(request.url));
  if (!isForeign && !isOther) return undefined;
  return problem(403, 'requests of pages of another origin are refused');
}

/** Compares hosts and ports alone, since a proxy may have ended TLS. */
function isOwn(origin: string, { host }: URL): boolean {
  const url = URL.parse(origin);
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.host === host;
}
