import type { Area } from '#core/ports/authority';

/** What a wildcard may stand for: its characters, looked up one by one, and what else holds of the whole. */
export interface SegmentRule {
  /** By the low byte of a character's code: 1 where it may be there. */
  readonly characters: Uint8Array;
  /** The codes of all characters, or-ed, must not exceed it. */
  readonly mask: number;
  /** Asked once the characters were found right. */
  readonly mayBe: (target: string, from: number, to: number) => boolean;
}

const DOT = 0x2e;
const MINUS = 0x2d;

const characters = (pattern: RegExp): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, code) => (pattern.test(String.fromCharCode(code)) ? 1 : 0));

const ANY_CHARACTER = { characters: new Uint8Array(256).fill(1), mask: 0xffff };

/** A part of an id or topic: `..`, lookalikes and percent-encoding are none, so no wildcard stands for them. */
export const ADDRESS_PART: SegmentRule = {
  characters: characters(/[A-Za-z0-9_.-]/),
  mask: 0x7f,
  mayBe(target, from, to) {
    const first = target.charCodeAt(from);
    return from !== to && first !== DOT && first !== MINUS;
  },
};

/** A name in a folder, or what is before the first slash. The empty one, `.` and `..` would make two spellings of one path. */
export const PATH_PART: SegmentRule = {
  ...ANY_CHARACTER,
  mayBe(target, from, to) {
    if (from === to) return to === 0;
    const dots = target.charCodeAt(from) === DOT && (to - from === 1 || target.charCodeAt(from + 1) === DOT);
    if (dots && to - from <= 2) return false;
    const nul = target.indexOf('\0', from);
    return nul === -1 || nul >= to;
  },
};

const ANYTHING: SegmentRule = { ...ANY_CHARACTER, mayBe: () => true };

/** What a wildcard of this area may stand for. Keys of the storage are the component's own: any text. */
export function segmentRule(area: Area): SegmentRule {
  if (area === 'messaging') return ADDRESS_PART;
  return area === 'filesystem' ? PATH_PART : ANYTHING;
}

/** Whether a wildcard may stand for this text, which is not the first segment. */
export function mayStandFor({ characters: allowed, mask, mayBe }: SegmentRule, segment: string): boolean {
  for (let at = 0; at < segment.length; at++) {
    const code = segment.charCodeAt(at);
    if (code > mask || allowed[code & 0xff] !== 1) return false;
  }
  return mayBe(`/${segment}`, 1, segment.length + 1);
}
