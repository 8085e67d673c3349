import type { IndexEmbedder } from '../query.ts';
import type { SqliteDatabase } from './database.ts';

/** Returns the embedder of the index's vectors; undefined until the first vector is published. */
export function embedderOf(database: SqliteDatabase): IndexEmbedder | undefined {
  const row = database.get('SELECT id, dimensions FROM embedder');
  return row === undefined ? undefined : { id: String(row.id), dimensions: Number(row.dimensions) };
}
