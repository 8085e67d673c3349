import type { Area } from '#core/ports/authority';

/** What a wildcard may match: the allowed characters, and a condition on the whole segment. */
export interface SegmentRule {
  /** By the low byte of a character code: 1 where the character is allowed. */
  readonly characters: Uint8Array;
  /** The bitwise or of all character codes must not exceed this. */
  readonly mask: number;
  /** Called when the characters are allowed. */
  readonly mayBe: (target: string, from: number, to: number) => boolean;
}

const DOT = 0x2e;
const MINUS = 0x2d;

const characters = (pattern: RegExp): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, code) => (pattern.test(String.fromCharCode(code)) ? 1 : 0));

const ANY_CHARACTER = { characters: new Uint8Array(256).fill(1), mask: 0xffff };

/**
 * Parts of an id or topic. `..`, lookalikes and percent-encoding cannot occur in them, so no wildcard matches these.
 */
export const ADDRESS_PART: SegmentRule = {
  characters: characters(/[A-Za-z0-9_.-]/),
  mask: 0x7f,
  mayBe(target, from, to) {
    const first = target.charCodeAt(from);
    return from !== to && first !== DOT && first !== MINUS;
  },
};

/**
 * Names in a folder, and the empty text before the first slash. Empty names, `.` and `..` would give one path two
 * spellings.
 */
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

/** The rule for wildcards of an area. Storage keys belong to the component, so they may be any text. */
export function segmentRule(area: Area): SegmentRule {
  if (area === 'messaging') return ADDRESS_PART;
  return area === 'filesystem' ? PATH_PART : ANYTHING;
}

/** Whether a wildcard may match this text, which is not the first segment. */
export function mayStandFor({ characters: allowed, mask, mayBe }: SegmentRule, segment: string): boolean {
  for (let at = 0; at < segment.length; at++) {
    const code = segment.charCodeAt(at);
    if (code > mask || allowed[code & 0xff] !== 1) return false;
  }
  return mayBe(`/${segment}`, 1, segment.length + 1);
}
