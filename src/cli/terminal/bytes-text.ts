import { counted } from './counted.ts';

/** Formats a size for people: in whole bytes below 1 KiB, otherwise with one decimal. */
export function bytesText(bytes: number): string {
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 'bytes';
  for (const next of units) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return unit === 'bytes' ? counted(bytes, 'byte') : `${value.toFixed(1)} ${unit}`;
}
