import { createHmac, timingSafeEqual } from 'node:crypto';
import type { ArtifactTrust } from '#core/ports/artifact';

/** A machine's seal: HMAC-SHA256 under its secret. The same construction as the product's, without its files. */
export class HmacTrust implements ArtifactTrust {
  readonly #secret: string;

  constructor(secret = 'this machine') {
    this.#secret = secret;
  }

  async seal(content: Uint8Array): Promise<Uint8Array> {
    return createHmac('sha256', this.#secret).update(content).digest();
  }

  async check(content: Uint8Array, seal: Uint8Array): Promise<boolean> {
    const right = createHmac('sha256', this.#secret).update(content).digest();
    return seal.length === right.length && timingSafeEqual(seal, right);
  }
}
