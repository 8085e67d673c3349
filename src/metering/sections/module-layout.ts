import { ByteWriter } from '#wasm';
import type { CodeStore } from './code-store.ts';

type Piece = Uint8Array | CodeStore;

/** Collects the sections of a module and then writes them into memory of exactly the right size. */
export class ModuleLayout {
  readonly #pieces: Piece[] = [];

  bytes(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
  }

  section(id: number, ...payload: readonly Piece[]): void {
    const length = payload.reduce((sum, piece) => sum + piece.length, 0);
    this.#pieces.push(new ByteWriter(8).u8(id).u32(length).view(), ...payload);
  }

  finish(): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(this.#pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of this.#pieces) {
      const { length } = piece;
      if (piece instanceof Uint8Array) out.set(piece, at);
      else piece.drain(out, at);
      at += length;
    }
    return out;
  }
}
