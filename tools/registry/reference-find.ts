import type { ModuleMatch, ModuleQuery, ModuleRecord } from '#core/ports/registry';

const ROUNDING = 2e-6;

/** What an index must find, computed the slow and plain way. */
export function referenceFind(records: readonly ModuleRecord[], query: ModuleQuery): ModuleMatch[] {
  const superseded = new Set(
    records
      .filter(({ status, interfaceHash }) => status !== 'pending' && interfaceHash === query.interfaceHash)
      .map(({ supersedes }) => supersedes),
  );
  const candidates = records.filter(
    (record) =>
      record.interfaceHash === query.interfaceHash &&
      record.status === 'verified' &&
      !superseded.has(record.storagePointer) &&
      (query.provided === undefined || record.requires.every((name) => query.provided?.includes(name))),
  );
  if (query.embedding === undefined) {
    return candidates
      .toSorted((a, b) => b.createdAt - a.createdAt || b.useCount - a.useCount || (a.id < b.id ? -1 : 1))
      .slice(0, query.limit ?? 1)
      .map((record) => ({ record }));
  }
  const wanted = query.embedding;
  const scored = candidates
    .flatMap((record) => {
      const similarity = cosine(wanted, record.embedding ?? new Float32Array());
      return similarity >= (query.threshold ?? 0.95) - ROUNDING ? [{ record, similarity }] : [];
    })
    .toSorted((a, b) => b.similarity - a.similarity);
  const ordered: ModuleMatch[] = [];
  while (scored.length > 0) {
    const best = scored[0]!.similarity;
    const run = scored.splice(0, scored.findLastIndex(({ similarity }) => similarity >= best - ROUNDING) + 1);
    ordered.push(...run.toSorted((a, b) => tieBreak(a.record, b.record)));
  }
  return ordered.slice(0, query.limit ?? 1);
}

function tieBreak(a: ModuleRecord, b: ModuleRecord): number {
  return b.useCount - a.useCount || a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);
}

export function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.NaN;
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (let k = 0; k < a.length; k += 1) {
    dot += a[k]! * b[k]!;
    aa += a[k]! ** 2;
    bb += b[k]! ** 2;
  }
  return dot / Math.sqrt(aa * bb);
}
