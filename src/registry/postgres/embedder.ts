import type { IndexEmbedder } from '../query.ts';
import type { RunStatement } from './connection.ts';

/** The embedder whose vectors the index holds; undefined until the first vector is published. */
export async function embedderOf(run: RunStatement): Promise<IndexEmbedder | undefined> {
  const [row] = await run('SELECT id, dimensions FROM vivarium_embedder');
  return row === undefined ? undefined : { id: String(row.id), dimensions: Number(row.dimensions) };
}
