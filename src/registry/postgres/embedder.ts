import type { IndexEmbedder } from '../query.ts';
import type { RunStatement } from './connection.ts';

/** Returns the embedder of the index's vectors; undefined until the first vector is published. */
export async function embedderOf(run: RunStatement): Promise<IndexEmbedder | undefined> {
  const [row] = await run('SELECT id, dimensions FROM vivarium_embedder');
  return row === undefined ? undefined : { id: String(row.id), dimensions: Number(row.dimensions) };
}
