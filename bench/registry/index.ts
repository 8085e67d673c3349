import { messageOf } from '#core/errors';
import type { RunGroup } from '../figure.ts';
import { measureEmbedded } from './embedded-index.ts';
import { measureHits } from './hits.ts';
import { measurePgvector } from './pgvector-index.ts';

export const run: RunGroup = async (report) => {
  await measureHits(report);
  await measureEmbedded(report);
  try {
    await measurePgvector(report);
  } catch (error) {
    // Not measured is not the same as missed, and must not look like it.
    console.error(`  not measured: PostgreSQL with pgvector cannot be had here (${messageOf(error)})`);
  }
};
