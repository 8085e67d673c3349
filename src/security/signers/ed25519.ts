import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { SecurityError } from '../errors.ts';

/** The bytes of an Ed25519 signature (RFC 8032). */
const SIGNATURE_BYTES = 64;

/**
 * Verifies signatures. The key's id is the SHA-256 of its SubjectPublicKeyInfo (RFC 8410) in hex, so it names only this
 * key.
 */
export class PublicKey {
  readonly keyId: string;
  readonly #key: KeyObject;

  private constructor(key: KeyObject) {
    this.#key = key;
    this.keyId = createHash('sha256')
      .update(key.export({ type: 'spki', format: 'der' }))
      .digest('hex');
  }

  /**
   * Parses a PEM `PUBLIC KEY`. Algorithms other than Ed25519 are refused. @throws {SecurityError}
   * `SECURITY_KEY_INVALID`
   */
  static fromPem(pem: string, source = 'the public key'): PublicKey {
    // createPublicKey would accept a private key as well and use its public half.
    if (!pem.includes('-----BEGIN PUBLIC KEY-----')) throw invalid(source, 'is not a PEM "PUBLIC KEY"');
    return new PublicKey(readKey(() => createPublicKey({ key: pem, format: 'pem' }), source));
  }

  static of(privateKey: KeyObject): PublicKey {
    return new PublicKey(createPublicKey(privateKey));
  }

  toPem(): string {
    return this.#key.export({ type: 'spki', format: 'pem' }).toString();
  }

  verify(data: Uint8Array, signature: Uint8Array): boolean {
    return signature.length === SIGNATURE_BYTES && verify(null, data, this.#key, signature);
  }
}

/** Signs. The key is in a private field, so that neither printing nor serialising a signer shows it. */
export class Signer {
  readonly publicKey: PublicKey;
  readonly #key: KeyObject;

  private constructor(key: KeyObject) {
    this.#key = key;
    this.publicKey = PublicKey.of(key);
  }

  static generate(): Signer {
    return new Signer(generateKeyPairSync('ed25519').privateKey);
  }

  /** Parses an unencrypted PEM `PRIVATE KEY` (PKCS #8). @throws {SecurityError} `SECURITY_KEY_INVALID` */
  static fromPem(pem: string, source = 'the private key'): Signer {
    if (!pem.includes('-----BEGIN PRIVATE KEY-----')) throw invalid(source, 'is not an unencrypted PEM "PRIVATE KEY"');
    return new Signer(readKey(() => createPrivateKey({ key: pem, format: 'pem' }), source));
  }

  get keyId(): string {
    return this.publicKey.keyId;
  }

  sign(data: Uint8Array): Uint8Array {
    return sign(null, data, this.#key);
  }

  /** Only the key's own file and a requested export may call this. */
  toPrivatePem(): string {
    return this.#key.export({ type: 'pkcs8', format: 'pem' }).toString();
  }
}

function readKey(read: () => KeyObject, source: string): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch {
    // OpenSSL's message could quote the key, so it is not kept as the cause.
    throw invalid(source, 'cannot be read as a key');
  }
  if (key.asymmetricKeyType !== 'ed25519') throw invalid(source, `is of type ${key.asymmetricKeyType}`);
  return key;
}

function invalid(source: string, what: string): SecurityError {
  return new SecurityError('SECURITY_KEY_INVALID', `${source} ${what}; give an Ed25519 key in PEM form`);
}
