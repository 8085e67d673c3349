import { openArtifactCache } from '#system/operations';
import type { Shell } from '../../shell.ts';

type Manager = ReturnType<typeof openArtifactCache>['manager'];

/** Opens this user's artifact cache for one command, and prints faults of the cache's folder to standard error. */
export async function withCache<T>(shell: Shell, use: (cache: Manager) => Promise<T>): Promise<T> {
  await using opened = openArtifactCache({}, (error) => shell.line(`${error.code}: ${error.message}`));
  return await use(opened.manager);
}
