// Takes the time of what happens inside a load, for the table of parts: no part of what is compared.
import { createRequire, syncBuiltinESMExports } from 'node:module';

/** Milliseconds by part. Verifying and compiling go on side by side. */
export const parts = { read: 0, verify: 0, compile: 0 };
/** When the last of them ended. */
export let ended = 0;

const require = createRequire(import.meta.url);
const files = require('node:fs/promises');
const crypto = require('node:crypto');
const { open } = files;
const { createHmac } = crypto;
const { compile } = WebAssembly;

function book(part, since) {
  ended = performance.now();
  parts[part] = Math.max(parts[part], ended - since);
}

files.open = async (path, ...rest) => {
  const since = performance.now();
  const handle = await open(path, ...rest);
  if (!String(path).endsWith('.viva')) return handle;
  const close = handle.close.bind(handle);
  handle.close = async () => {
    await close();
    book('read', since);
  };
  return handle;
};
crypto.createHmac = (...options) => {
  const since = performance.now();
  const hmac = createHmac(...options);
  const digest = hmac.digest.bind(hmac);
  hmac.digest = (...encoding) => {
    const code = digest(...encoding);
    book('verify', since);
    return code;
  };
  return hmac;
};
let compiling = 0;
WebAssembly.compile = async (bytes) => {
  compiling ||= performance.now();
  const module = await compile(bytes);
  book('compile', compiling);
  return module;
};
syncBuiltinESMExports();
