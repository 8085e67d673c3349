import type { Area } from '#core';
import type { SegmentRule } from './pattern-index.ts';

/** Letters, digits, `_`, `-` and `.`: all that ids and topics are made of. */
const ADDRESS_CHARS = Uint8Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z0-9_.-]/.test(String.fromCharCode(code)) ? 1 : 0,
);
const DOT = 0x2e;
const MINUS = 0x2d;

/** A part of an id or topic: `..`, lookalikes and percent-encoding are none, so no wildcard stands for them. */
export const isAddressPart: SegmentRule = (target, from, to) => {
  const first = target.charCodeAt(from);
  if (from === to || first === DOT || first === MINUS) return false;
  for (let at = from; at < to; at++) if (ADDRESS_CHARS[target.charCodeAt(at)] !== 1) return false;
  return true;
};

/** A name in a folder, or what is before the first slash. The empty one, `.` and `..` would make two spellings of one path. */
export const isPathPart: SegmentRule = (target, from, to) => {
  if (from === to) return to === 0;
  if (
    target.charCodeAt(from) === DOT &&
    (to - from === 1 || (to - from === 2 && target.charCodeAt(from + 1) === DOT))
  ) {
    return false;
  }
  for (let at = from; at < to; at++) if (target.charCodeAt(at) === 0) return false;
  return true;
};

const anything: SegmentRule = () => true;

/** What a wildcard of this area may stand for. Keys of the storage are the component's own: any text. */
export function segmentRule(area: Area): SegmentRule {
  if (area === 'messaging') return isAddressPart;
  return area === 'filesystem' ? isPathPart : anything;
}
