import { getStderr } from 'wasi:cli/stderr@0.2.2';
import { encodeUtf8 } from '../utf8.ts';
import { useLog } from './report.ts';

/** The most bytes that one blocking write accepts. */
const MAX_WRITE = 4_096;

useLog((_, text) => {
  const bytes = encodeUtf8(`${text}\n`);
  const stderr = getStderr();
  for (let at = 0; at < bytes.length; at += MAX_WRITE) {
    stderr.blockingWriteAndFlush(bytes.subarray(at, at + MAX_WRITE));
  }
  stderr[Symbol.dispose]();
});
