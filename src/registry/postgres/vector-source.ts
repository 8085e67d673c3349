import type { VectorSource } from '../vectors/vector-groups.ts';
import { VECTOR_COLUMNS, vectorRowOf } from '../vectors/vector-row.ts';
import type { PostgresConnection } from './connection.ts';
import { rankModules } from './rank.ts';

/** Packed vectors by interface, for the scan in the process when there is no pgvector. */
export function vectorSource(connection: PostgresConnection): VectorSource {
  return {
    state: async (interfaceHash) => {
      const [row] = await connection.query(
        `SELECT i.version, i.generation, coalesce((SELECT dimensions FROM vivarium_embedder), 0) AS dimensions
         FROM vivarium_interfaces i WHERE interface_hash = $1`,
        [interfaceHash],
      );
      if (row === undefined) return undefined;
      const { version, generation, dimensions } = row;
      return { version: Number(version), generation: Number(generation), dimensions: Number(dimensions) };
    },
    changes: async (interfaceHash, after, limit) => {
      const rows = await connection.query(
        `SELECT ${VECTOR_COLUMNS} FROM vivarium_modules
         WHERE interface_hash = $1 AND changed > $2 ORDER BY changed LIMIT $3`,
        [interfaceHash, after, limit],
      );
      return rows.map(vectorRowOf);
    },
    rank: (_, ids, limit) => rankModules(connection, ids, limit),
  };
}
