import type { VectorSource } from '../vectors/vector-groups.ts';
import { VECTOR_COLUMNS, vectorRowOf } from '../vectors/vector-row.ts';
import type { SqliteDatabase } from './database.ts';
import { embedderOf } from './embedder.ts';

/** Up to this many ties are looked up one by one. */
const FEW = 100;

/** Packed vectors by interface, for the scan in the process. */
export function vectorSource(database: SqliteDatabase): VectorSource {
  return {
    state: (interfaceHash) =>
      database.run(() => {
        const row = database.get('SELECT version, generation FROM interfaces WHERE interface_hash = ?', interfaceHash);
        const dimensions = embedderOf(database)?.dimensions ?? 0;
        return row && { version: Number(row.version), generation: Number(row.generation), dimensions };
      }),
    changes: (interfaceHash, after, limit) =>
      database.run(() =>
        database
          .all(
            `SELECT ${VECTOR_COLUMNS} FROM modules WHERE interface_hash = ? AND changed > ? ORDER BY changed LIMIT ?`,
            interfaceHash,
            after,
            limit,
          )
          .map(vectorRowOf),
      ),
    rank: (interfaceHash, ids, limit) =>
      database.run(() => {
        if (ids.length <= FEW) {
          const sql = `SELECT id FROM modules WHERE id IN (SELECT value FROM json_each(?))
            ORDER BY use_count DESC, created_at, id LIMIT ?`;
          return database.all(sql, JSON.stringify(ids), limit).map(({ id }) => String(id));
        }
        // Reading the index in its order and stopping early is faster than sorting ten thousand modules of equal
        // similarity.
        const wanted = new Set(ids);
        const ranked: string[] = [];
        const order = database.iterate(
          'SELECT id FROM modules WHERE interface_hash = ? ORDER BY use_count DESC, created_at, id',
          interfaceHash,
        );
        for (const { id } of order) {
          if (!wanted.has(String(id))) continue;
          ranked.push(String(id));
          if (ranked.length === Math.min(limit, wanted.size)) break;
        }
        return ranked;
      }),
  };
}
