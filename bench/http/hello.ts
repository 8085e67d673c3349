import { HttpServer, type HttpServerOptions } from '#server';
import { createRuntime, type LoadOptions, serveExchange } from '#system';
import { helloHandler } from '../../tools/components/hello-handler.ts';
import { requestsPerSecond } from './load.ts';

/** Serves one small component while something is measured. A tracer of the server is the runtime's, too. */
export async function withHello(
  load: LoadOptions,
  options: HttpServerOptions,
  measure: (port: number) => Promise<void>,
): Promise<void> {
  const { tracer } = options;
  await using runtime = await createRuntime({
    scheduling: 'preemptive',
    overrides: tracer === undefined ? {} : { tracer },
  });
  const handler = await runtime.load(await helloHandler(), load);
  const serve = (exchange: Parameters<typeof serveExchange>[2]) => serveExchange(runtime, handler, exchange);
  const server = new HttpServer(() => ({ component: 'hello', serve }), { port: 0, ...options });
  const port = Number(new URL((await server.listen()).url).port);
  await requestsPerSecond(port);
  await measure(port);
  await server.drain(1_000);
}
