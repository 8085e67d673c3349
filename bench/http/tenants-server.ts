import { HttpServer } from '#server';
import { createRuntime, isFull, type LoadOptions, serveExchange } from '#system';
import { helloHandler, leakingHandler, spinningHandler } from '../../tools/components/hello-handler.ts';

/** The path of the tenant that misbehaves; every other one is its neighbour's. */
export const OTHER_PATH = '/other';

export type Misbehaviour = 'spins' | 'is flooded' | 'leaks handles';

const OTHERS: Readonly<Record<Misbehaviour, { component(): Promise<Uint8Array>; readonly load: LoadOptions }>> = {
  spins: { component: spinningHandler, load: { limits: { maxExecutionTimeMs: 200 } } },
  'is flooded': { component: () => helloHandler('flooded'), load: {} },
  'leaks handles': { component: leakingHandler, load: {} },
};

/** Serves two tenants on one port, each a component of one runtime, until the process ends. */
export async function serveTenants(misbehaviour: Misbehaviour): Promise<number> {
  const runtime = await createRuntime({ scheduling: 'preemptive' });
  const { component, load } = OTHERS[misbehaviour];
  const own = await runtime.load(await helloHandler());
  const other = await runtime.load(await component(), load);
  const server = new HttpServer(
    ({ pathname }) => {
      const handle = pathname === OTHER_PATH ? other : own;
      return {
        component: pathname,
        isFull: () => isFull(runtime, handle),
        serve: (exchange) => serveExchange(runtime, handle, exchange),
      };
    },
    { port: 0 },
  );
  return Number(new URL((await server.listen()).url).port);
}
