import { MeteringError } from './errors.ts';

/**
 * Lets the engine judge a guest's own bytes before anything reads them: what metering appends would make an index valid
 * that was not. @throws {MeteringError} `METERING_INVALID_MODULE`
 */
export function validateModule(bytes: Uint8Array): void {
  if (bytes instanceof Uint8Array && WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>)) return;
  throw new MeteringError('METERING_INVALID_MODULE', 'the bytes are no valid core module; build it again');
}
