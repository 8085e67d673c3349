import { isVivariumError } from '#core/errors';
import { allow, checkOptions } from '#core/options';
import type { Clock } from '#core/ports/clock';
import type { ModuleRecord } from '#core/ports/registry';
import { parseEnvelope, verifyEnvelope } from '#security/signatures';
import type { Signer, TrustedKey, TrustedKeys } from '#security/signers';
import { RegistryError } from './errors.ts';
import {
  judgementOf,
  PUBLICATION_TYPE,
  publicationOf,
  REVOCATION_TYPE,
  signed,
  VERIFICATION_TYPE,
} from './statement.ts';

export interface ModuleTrustOptions {
  readonly keys: TrustedKeys;
  readonly clock: Clock;
  /** Whether another key than the publisher's must verify a module; false by default. */
  readonly separateVerifier?: boolean | undefined;
}

const TRUST: allow.OptionRules<ModuleTrustOptions> = {
  keys: allow.part('find'),
  clock: allow.part('now'),
  separateVerifier: allow.flag,
};
const RULE = allow.required(TRUST, 'keys', 'clock');

/** Decides whether a record matches what trusted keys signed. A row by itself is never believed. */
export class ModuleTrust {
  readonly #options: ModuleTrustOptions;

  /** @throws {CoreError} `CORE_INVALID_OPTION` */
  constructor(options: ModuleTrustOptions) {
    checkOptions(options ?? null, RULE);
    this.#options = options;
  }

  /**
   * Checks the status, publication and verification of a module that is to run. Returns its publishers.
   * @throws {RegistryError} `REGISTRY_NOT_VERIFIED`, `REGISTRY_REVOKED`, `REGISTRY_BAD_SIGNATURE`, `REGISTRY_UNTRUSTED`
   */
  async check(record: ModuleRecord): Promise<readonly TrustedKey[]> {
    if (record.status === 'revoked') throw revoked(record);
    if (record.status === 'pending') {
      throw new RegistryError(
        'REGISTRY_NOT_VERIFIED',
        `module ${record.id} is pending, because its checks have not passed yet; publish it again with a check that passes`,
      );
    }
    const publishers = await this.checkPublication(record);
    const verifiers = await this.#verify(record, record.verification, VERIFICATION_TYPE, judgementOf(record));
    this.#checkSeparation(record, publishers, verifiers);
    return publishers;
  }

  /**
   * Checks, before a module is stored, that this machine would accept a verification by this key.
   * @throws {RegistryError} `REGISTRY_UNTRUSTED`
   */
  async checkVerifier(record: ModuleRecord, verifier: Signer): Promise<void> {
    const publishers = await this.checkPublication(record);
    // The probe names no module, so nobody can pass it off as a verification.
    const probe = Buffer.from('{"version":1,"probe":true}');
    const envelope = await signed(VERIFICATION_TYPE, probe, verifier);
    this.#checkSeparation(record, publishers, await this.#verify(record, envelope, VERIFICATION_TYPE, probe));
  }

  /** Returns the publishers of the record, whatever its status. @throws as {@link check} */
  async checkPublication(record: ModuleRecord): Promise<readonly TrustedKey[]> {
    const signers = await this.#verify(record, record.signature, PUBLICATION_TYPE, publicationOf(record));
    const isNamed = ({ keyId }: { keyId?: string | undefined }): boolean => keyId === record.keyId;
    // The named key may be revoked by now, while another one that signed is valid.
    if (!signers.some(isNamed) && !parseEnvelope(record.signature).signatures.some(isNamed)) {
      throw new RegistryError(
        'REGISTRY_BAD_SIGNATURE',
        `module ${record.id} names another key than the one that signed it`,
      );
    }
    return signers;
  }

  /** Whether a trusted key revoked the module. Anybody may have written a status without a signature. */
  async isRevocationSigned(record: ModuleRecord): Promise<boolean> {
    try {
      await this.#verify(record, record.revocation, REVOCATION_TYPE, judgementOf(record));
      return true;
    } catch (error) {
      if (error instanceof RegistryError) return false;
      throw error;
    }
  }

  #checkSeparation({ id }: ModuleRecord, publishers: readonly TrustedKey[], verifiers: readonly TrustedKey[]): void {
    const { separateVerifier = false } = this.#options;
    const isSeparate = verifiers.some(({ keyId }) => publishers.every((publisher) => publisher.keyId !== keyId));
    if (!separateVerifier || isSeparate) return;
    throw new RegistryError(
      'REGISTRY_UNTRUSTED',
      `module ${id} is verified by its own publisher, and the policy asks for another key`,
    );
  }

  async #verify(
    record: ModuleRecord,
    envelope: string | undefined,
    payloadType: string,
    wanted: Uint8Array,
  ): Promise<readonly TrustedKey[]> {
    if (envelope === undefined) {
      throw new RegistryError(
        'REGISTRY_BAD_SIGNATURE',
        `module ${record.id} is ${record.status} without a signature that confirms this; its row was edited`,
      );
    }
    const { keys, clock } = this.#options;
    try {
      const { payload, signers } = await verifyEnvelope(parseEnvelope(envelope), {
        keys,
        now: clock.now(),
        payloadType,
      });
      if (Buffer.compare(payload, wanted) === 0) return signers;
    } catch (cause) {
      if (isVivariumError(cause, 'SECURITY_UNTRUSTED')) {
        throw new RegistryError('REGISTRY_UNTRUSTED', `module ${record.id}: ${cause.message}`, { cause });
      }
      if (isVivariumError(cause, 'SECURITY_BAD_SIGNATURE')) {
        throw new RegistryError('REGISTRY_BAD_SIGNATURE', `module ${record.id}: ${cause.message}`, { cause });
      }
      throw cause;
    }
    throw new RegistryError(
      'REGISTRY_BAD_SIGNATURE',
      `the row of module ${record.id} does not say what was signed; it was edited, or the signature is another module's`,
    );
  }
}

export function revoked(record: Pick<ModuleRecord, 'id' | 'name' | 'version'>): RegistryError {
  return new RegistryError(
    'REGISTRY_REVOKED',
    `module ${record.id} (${record.name} ${record.version}) was revoked; use another version`,
  );
}
