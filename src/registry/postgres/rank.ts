import type { PostgresConnection } from './connection.ts';

/** Returns the first of these modules by use count, age and id. */
export async function rankModules(
  connection: PostgresConnection,
  ids: readonly string[],
  limit: number,
): Promise<readonly string[]> {
  const rows = await connection.query(
    'SELECT id FROM vivarium_modules WHERE id = ANY($1) ORDER BY use_count DESC, created_at, id LIMIT $2',
    [ids, limit],
  );
  return rows.map(({ id }) => String(id));
}
