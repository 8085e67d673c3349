import { CoreError } from '#core/errors';
import { shownText } from '#core/text';

const BYTES: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};
const MILLISECONDS: Readonly<Record<string, number>> = { '': 1, ms: 1, s: 1e3, m: 60e3, h: 3_600e3, d: 86_400e3 };

/** Parses a size in bytes or with a unit (`64MiB`, `1.5GB`). @throws {CoreError} `CORE_INVALID_UNIT` */
export function parseBytes(text: string): number {
  return Math.round(parse(text, BYTES, 'size', 'a number of bytes, or one with a unit such as 64MiB'));
}

/** Parses a time in milliseconds or with a unit (`2s`, `500ms`). @throws {CoreError} `CORE_INVALID_UNIT` */
export function parseDuration(text: string): number {
  return parse(text, MILLISECONDS, 'time', 'a number of milliseconds, or one with a unit such as 2s');
}

function parse(text: string, units: Readonly<Record<string, number>>, what: string, wanted: string): number {
  const [, digits, unit = ''] = /^(\d{1,15}(?:\.\d{1,9})?) ?([a-zA-Z]{0,3})$/.exec(text.trim()) ?? [];
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (digits === undefined || factor === undefined) {
    throw new CoreError('CORE_INVALID_UNIT', `${shownText(text, 40)} is not a ${what}; give ${wanted}`);
  }
  return Number(digits) * factor;
}
