import type { ByteReader } from '../byte-reader.ts';
import type { Alias, CoreReference, CoreSort, Reference, Sort } from './ast.ts';
import { hex, readCoreName, readName, type Source, unsupported } from './source.ts';

const CORE_SORTS = new Map<number, CoreSort>([
  [0x00, 'func'],
  [0x01, 'table'],
  [0x02, 'memory'],
  [0x03, 'global'],
  [0x04, 'tag'],
  [0x10, 'type'],
  [0x11, 'module'],
  [0x12, 'instance'],
]);
const SORTS = new Map<number, Sort>([
  [0x01, 'func'],
  [0x02, 'value'],
  [0x03, 'type'],
  [0x04, 'component'],
  [0x05, 'instance'],
]);

export function readCoreSort(reader: ByteReader): CoreSort {
  const at = reader.offset;
  const code = reader.u8();
  const sort = CORE_SORTS.get(code);
  if (sort === undefined) throw unsupported(`core sort ${hex(code)}`, at);
  return sort;
}

export function readSort(reader: ByteReader): Sort {
  const at = reader.offset;
  const code = reader.u8();
  if (code === 0x00) return `core ${readCoreSort(reader)}`;
  const sort = SORTS.get(code);
  if (sort === undefined) throw unsupported(`sort ${hex(code)}`, at);
  return sort;
}

export function readCoreReference(reader: ByteReader): CoreReference {
  return { sort: readCoreSort(reader), index: reader.u32() };
}

export function readReference(reader: ByteReader): Reference {
  return { sort: readSort(reader), index: reader.u32() };
}

export function readAlias(source: Source): Alias {
  const { reader } = source;
  const sort = readSort(reader);
  const at = reader.offset;
  const kind = reader.u8();
  if (kind === 0x00) return { kind: 'export', sort, instance: reader.u32(), name: readName(source) };
  if (kind === 0x01) {
    if (!isCoreSort(sort)) throw reader.malformed('an alias of a core export that is not of a core sort');
    const core = sort.slice('core '.length) as CoreSort;
    return { kind: 'core export', sort: core, instance: reader.u32(), name: readCoreName(source) };
  }
  if (kind === 0x02) return { kind: 'outer', sort, count: reader.u32(), index: reader.u32() };
  throw unsupported(`alias target ${hex(kind)}`, at);
}

function isCoreSort(sort: Sort): sort is `core ${CoreSort}` {
  return sort.startsWith('core ');
}
