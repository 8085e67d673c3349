import type { Lane } from '#core/ports/lane';
import type { AttachedSignature } from '#core/ports/meter';
import { AsciiText } from '#core/text';
import { ByteWriter, coreModule } from '#wasm';
import { copyBytes, MOST_KEPT, writeAscii } from './kept-text.ts';
import { readBytes, writeBytes } from './small-bytes.ts';
import { trap } from './trap.ts';

/*
 * The layout of the exchange, in bytes. First comes a word of eight: its first half is not 0 while the guest may not call
 * its imports, and its second half says what the adapter answered. Then come the length of an answer and its bytes. From
 * `PARAMETERS` on are the places of the arguments.
 */
export const ANSWER_LENGTH = 8;
export const ANSWER_BYTES = 16;
export const MOST_ANSWERED = 1024;
export const PARAMETERS = 2048;
export const EXCHANGE_BYTES: number = 64 * 1024;
/** The most bytes of a list in the exchange. The host copies longer lists straight into the guest. */
export const MOST_GIVEN = 256;

/** What the second half of the first word says after a call. */
export const Answer = {
  /** The adapter has read nothing: the result is still in the guest's memory, and the host must clean up. */
  unread: 0,
  /** The call succeeded and its result has no value. */
  none: 1,
  bytes: 2,
} as const;

/** What adapters import: `word` reads eight bytes of the exchange, `put` writes eight, `misplaced` ends a guest for a wrong pointer. */
export const EXCHANGE_IMPORTS: readonly AttachedSignature[] = [
  { name: 'word', parameters: ['i32'], results: ['i64'] },
  { name: 'put', parameters: ['i32', 'i64'], results: [] },
  { name: 'misplaced', parameters: ['i32', 'i32', 'i32'], results: [] },
];

/**
 * A memory that all stores of a thread share with the host. The arguments and the answer of a call lie here while an adapter
 * in the guest's own instance copies them. The exchange stays in the processor's cache, where the memories of a thousand
 * guests do not. No guest can reach it. Except for texts that stay in their places, its content is used up before the next
 * call is made.
 */
export class Exchange {
  readonly view: DataView;
  readonly u8: Uint8Array;
  /** The imports that instances are given as `ATTACHED`. */
  readonly imports: WebAssembly.ModuleImports;
  /** The component whose texts are in the places of the arguments. The next writer must check this and, if it is another, forget its own texts. */
  owner: object | undefined;

  constructor() {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(coreModule.writeModule(sections())));
    const { buffer } = exports.memory as WebAssembly.Memory;
    this.view = new DataView(buffer);
    this.u8 = new Uint8Array(buffer);
    this.imports = { ...exports, misplaced };
  }

  /** Whether the guest that runs is allocating or cleaning up for an adapter, and so may not call its imports. */
  get locked(): boolean {
    return this.u8[0] !== 0;
  }

  lock(): void {
    this.u8[0] = 1;
  }

  unlock(): void {
    this.u8[0] = 0;
  }

  get answer(): number {
    return this.u8[4] as number;
  }

  answered(): Uint8Array | undefined {
    if (this.answer !== Answer.bytes) return undefined;
    return readBytes(this.u8, ANSWER_BYTES, this.view.getUint32(ANSWER_LENGTH, true));
  }

  /** Puts a short ASCII text in a place. Answers 0 where the value is no such text, 1 where it is a string, 2 where it lies in a block. */
  placeText(value: unknown, at: number): 0 | 1 | 2 {
    const { view } = this;
    if (typeof value !== 'string') {
      if (!(value instanceof AsciiText) || value.length > MOST_KEPT) return 0;
      copyBytes(value.block.bytes, value.start, view, at, value.length);
      return 2;
    }
    return value.length <= MOST_KEPT && writeAscii(value, view, at) ? 1 : 0;
  }

  /** Puts a few bytes in a place. Answers false where the value has too many, or is no bytes. */
  placeBytes(value: unknown, at: number): boolean {
    if (!(value instanceof Uint8Array) || value.length > MOST_GIVEN) return false;
    writeBytes(value, this.u8, at);
    return true;
  }
}

let exchange: Exchange | undefined;

/** The exchange of this thread. */
export function theExchange(): Exchange {
  exchange ??= new Exchange();
  return exchange;
}

/** The exchange as a lane of the thread. It switches the first word: whether the guest may call its imports, and what its adapter answered. */
export const exchangeLane: Lane = {
  park() {
    const { view } = theExchange();
    const word = view.getBigUint64(0, true);
    view.setBigUint64(0, 0n, true);
    return word;
  },
  resume(parked) {
    theExchange().view.setBigUint64(0, typeof parked === 'bigint' ? parked : 0n, true);
  },
};

/** Ends a guest whose allocator answered a pointer that is misaligned or outside of memory. */
function misplaced(pointer: number, align: number, size: number): never {
  const at = pointer >>> 0;
  if ((at & (align - 1)) !== 0) trap(`realloc answered ${at}, not aligned to ${align}`);
  trap(`realloc answered ${at} for ${size >>> 0} bytes, which lie outside of memory`);
}

function sections(): (readonly [number, Uint8Array])[] {
  const [i32, i64] = [0x7f, 0x7e];
  const exports = new ByteWriter().u8(3).name('memory').u8(2).u8(0);
  for (const [index, name] of ['word', 'put'].entries()) exports.name(name).u8(0).u32(index);
  const code = coreModule.writeBodies([
    // (i64.load (local.get 0)), (i64.store (local.get 0) (local.get 1))
    Uint8Array.of(0, 0x20, 0, 0x29, 0, 0, 0x0b),
    Uint8Array.of(0, 0x20, 0, 0x20, 1, 0x37, 0, 0, 0x0b),
  ]);
  return [
    [1, Uint8Array.of(2, 0x60, 1, i32, 1, i64, 0x60, 2, i32, i64, 0)],
    [3, Uint8Array.of(2, 0, 1)],
    [5, Uint8Array.of(1, 1, 1, 1)],
    [7, exports.view()],
    [10, code],
  ];
}
