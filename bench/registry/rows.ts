/** Rows as a publisher would have made them, but for signatures: an index does not look at those. */
export const columns = [
  'id',
  'storage_pointer',
  'size',
  'interface_hash',
  'requires_hash',
  'requires',
  'name',
  'version',
  'description',
  'embedder_id',
  'embedding',
  'validation_status',
  'signature',
  'key_id',
  'created_at',
  'use_count',
  'changed',
];

export function interfaceOf(group: number): string {
  return `sha256:${group.toString(16).padStart(64, '0')}`;
}

export function idOf(at: number): string {
  return `${at.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`;
}

export function rowOf(
  at: number,
  group: number,
  changed: number,
  vector: Float32Array,
): (string | number | Uint8Array)[] {
  const pointer = `sha256:${at.toString(16).padStart(64, '0')}`;
  return [
    idOf(at),
    pointer,
    1_000_000,
    interfaceOf(group),
    interfaceOf(9),
    '[]',
    `module-${at}`,
    '1.0.0',
    'made for the benchmark',
    'bench',
    new Uint8Array(vector.slice().buffer),
    'verified',
    'x'.repeat(900),
    'bench',
    1_000 + at,
    0,
    changed,
  ];
}
