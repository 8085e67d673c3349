import { messageOf } from '#core/errors';
import { MeteringError } from './errors.ts';

const MAX_REASON = 300;

/**
 * Lets the engine judge a guest's own bytes before anything reads them: what metering appends would make an index valid
 * that was not. @throws {MeteringError} `METERING_INVALID_MODULE`
 */
export function validateModule(bytes: Uint8Array): void {
  if (bytes instanceof Uint8Array && WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>)) return;
  const message = `the bytes are no valid core module${reasonOf(bytes)}; build it again`;
  throw new MeteringError('METERING_INVALID_MODULE', message);
}

/** What the engine says against bytes that it does not take. */
function reasonOf(bytes: Uint8Array): string {
  try {
    new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
    return '';
  } catch (thrown) {
    return `: ${messageOf(thrown).slice(0, MAX_REASON)}`;
  }
}
