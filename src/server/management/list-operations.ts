import type { ModuleRecord } from '#core/ports/registry';
import { Refused } from './body.ts';
import type { Managed } from './managed.ts';
import { json, type Operation } from './operation.ts';
import { ARTIFACTS, MODULES } from './schemas.ts';

const MOST_ARTIFACTS = 1_000;
const MOST_MODULES = 500;

/** The operations that say what the caches and the registry hold, and what they have done. */
export function listOperations({ runtime }: Managed): readonly Operation[] {
  return [
    {
      method: 'GET',
      path: '/-/v1/metrics',
      scope: 'read',
      id: 'getMetrics',
      summary: 'Returns the counters of the artifact cache, the registry client and the messages.',
      answers: { 200: { description: 'The counters.', content: { 'application/json': { type: 'object' } } } },
      handle: () => json(runtime.metrics()),
    },
    {
      method: 'GET',
      path: '/-/v1/artifacts',
      scope: 'read',
      id: 'listArtifacts',
      summary: 'Describes the artifact cache on disk and lists its first thousand artifacts.',
      answers: { 200: { description: 'The cache.', content: { 'application/json': ARTIFACTS } } },
      handle: async () => {
        const found = await runtime.artifacts(MOST_ARTIFACTS);
        if (found === undefined) throw new Refused(404, 'this server keeps artifacts in memory only');
        // Where the cache lies on the machine is nothing that a client needs.
        const { root: _, ...rest } = found;
        return json(rest);
      },
    },
    {
      method: 'GET',
      path: '/-/v1/modules',
      scope: 'read',
      id: 'listModules',
      summary: 'Lists modules of the registry by id, 500 at most.',
      query: [{ name: 'after', description: 'The last id of the page before.', schema: { type: 'string' } }],
      answers: { 200: { description: 'The modules.', content: { 'application/json': MODULES } } },
      handle: async (request) => {
        const after = new URL(request.url).searchParams.get('after');
        const found = await runtime.modules({ limit: MOST_MODULES, ...(after === null ? {} : { after }) });
        if (found === undefined) throw new Refused(404, 'this server has no registry');
        return json(found.map(shown));
      },
    },
  ];
}

/** Leaves out the signatures and the vector, which are most of a record's bytes. */
function shown(record: ModuleRecord): unknown {
  const { id, name, version, description, status, size, interfaceHash, useCount, lastUsedAt } = record;
  return { id, name, version, description, status, size, interfaceHash, useCount, lastUsedAt };
}
