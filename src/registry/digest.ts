const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Whether the text is a digest; blob stores make paths and keys of nothing else. */
export function isDigest(text: unknown): text is string {
  return typeof text === 'string' && DIGEST.test(text);
}
