/**
 * The size of a host page, to which images are padded: 4,096 on x86-64, the platform for which equality with wasmtime
 * is claimed.
 */
const HOST_PAGE = 4096;

/** An active data segment: where its bytes stand in the module, and where they go in memory. */
export interface PlacedData {
  readonly start: number;
  readonly length: number;
  readonly offset: number;
}

/**
 * The size of a memory's image in wasmtime 50.0.1: from the first to the last page with a byte that is not zero. If all
 * bytes are zero, every page with data counts. Later segments overwrite earlier ones.
 */
export function imageBytes(bytes: Uint8Array, segments: readonly PlacedData[]): number {
  const pages = touchedPages(segments);
  const order = [...pages.keys()].sort((left, right) => left - right);
  const isFilled = (page: number): boolean => isNonZero(bytes, segments, page, pages.get(page) ?? []);
  const first = order.find(isFilled) ?? order[0] ?? 0;
  const last = order.findLast(isFilled) ?? order.at(-1) ?? -1;
  return (last - first + 1) * HOST_PAGE;
}

/** Groups the segments by the pages that they touch, in order. */
function touchedPages(segments: readonly PlacedData[]): Map<number, number[]> {
  const pages = new Map<number, number[]>();
  for (const [index, { offset, length }] of segments.entries()) {
    const end = Math.ceil((offset + length) / HOST_PAGE);
    for (let page = Math.floor(offset / HOST_PAGE); page < end; page++) {
      const touching = pages.get(page);
      if (touching === undefined) pages.set(page, [index]);
      else touching.push(index);
    }
  }
  return pages;
}

function isNonZero(
  bytes: Uint8Array,
  segments: readonly PlacedData[],
  page: number,
  touching: readonly number[],
): boolean {
  const content = new Uint8Array(HOST_PAGE);
  const begin = page * HOST_PAGE;
  for (const index of touching) {
    const { start, length, offset } = segments[index] as PlacedData;
    const from = Math.max(begin - offset, 0);
    const to = Math.min(begin + HOST_PAGE - offset, length);
    content.set(bytes.subarray(start + from, start + to), Math.max(offset - begin, 0));
  }
  return content.some((byte) => byte !== 0);
}
