import { messageOf } from '#core/errors';
import { MeteringError } from './errors.ts';

const MAX_REASON = 300;

/**
 * Lets the engine validate a guest's bytes before anything else reads them: what metering appends could make an invalid
 * index valid. @throws {MeteringError} `METERING_INVALID_MODULE`
 */
export function validateModule(bytes: Uint8Array): void {
  if (bytes instanceof Uint8Array && WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>)) return;
  const message = `the bytes are not a valid core module${reasonOf(bytes)}; build it again`;
  throw new MeteringError('METERING_INVALID_MODULE', message);
}

/** Returns the engine's reason for rejecting the bytes. */
function reasonOf(bytes: Uint8Array): string {
  try {
    new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
    return '';
  } catch (thrown) {
    return `: ${messageOf(thrown).slice(0, MAX_REASON)}`;
  }
}
