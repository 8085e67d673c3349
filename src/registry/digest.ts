const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Whether a text is a digest. Blob stores make paths and keys only from digests. */
export function isDigest(text: unknown): text is string {
  return typeof text === 'string' && DIGEST.test(text);
}
