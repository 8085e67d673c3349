import type { ArtifactTrust } from '#core/ports/artifact';
import type { Clock } from '#core/ports/clock';
import { digestOf, formatEnvelope, parseEnvelope, signStatement, verifyStatement } from '#security/signatures';
import type { Signer, TrustedKeys } from '#security/signers';
import { SecurityError } from '../errors.ts';
import { CODE_BYTES, type MachineSecret } from './machine-secret.ts';

const PURPOSE = 'vivarium artifact v1';
const ARTIFACT_MEDIA_TYPE = 'application/vnd.vivarium.artifact';

/** The first byte of a machine's seal. An envelope is JSON text and begins with another byte. */
const MACHINE_SEAL = 0x01;

export interface ArtifactTrustOptions {
  readonly secret: MachineSecret;
  readonly keys: TrustedKeys;
  readonly clock: Clock;
}

/**
 * Decides whether an artifact may run. A seal is either 0x01 and the machine secret's code over the content, or a DSSE
 * envelope over the content's digest by a trusted key.
 */
export function createArtifactTrust({ secret, keys, clock }: ArtifactTrustOptions): ArtifactTrust {
  return {
    async seal(content) {
      const code = await secret.code(PURPOSE, content);
      return Buffer.concat([Buffer.of(MACHINE_SEAL), code]);
    },
    async check(content, seal) {
      if (seal[0] === MACHINE_SEAL && seal.length === 1 + CODE_BYTES) {
        return secret.verify(PURPOSE, content, seal.subarray(1));
      }
      try {
        const wanted = { digest: digestOf(content), mediaType: ARTIFACT_MEDIA_TYPE };
        return (await verifyStatement(parseEnvelope(seal), wanted, { keys, now: clock.now() })).length > 0;
      } catch (error) {
        if (isVerdict(error)) return false;
        throw error;
      }
    },
  };
}

/** Seals an artifact for other machines, which accept the seal if they trust the signer's key. */
export async function signArtifact(content: Uint8Array, signers: readonly Signer[], clock: Clock): Promise<Uint8Array> {
  const statement = { digest: digestOf(content), mediaType: ARTIFACT_MEDIA_TYPE, signedAt: clock.now() };
  return Buffer.from(formatEnvelope(await signStatement(statement, signers)));
}

function isVerdict(error: unknown): boolean {
  return (
    error instanceof SecurityError && (error.code === 'SECURITY_BAD_SIGNATURE' || error.code === 'SECURITY_UNTRUSTED')
  );
}
