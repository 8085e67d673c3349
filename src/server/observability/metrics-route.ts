import type { Runtime } from '#system';
import type { InternalRoute } from '../internal-routes.ts';
import { answersText } from '../route-about.ts';
import { CONTENT_TYPE, exposition } from './exposition.ts';
import type { RequestMetrics } from './request-metrics.ts';
import { runtimeFamilies } from './runtime-metrics.ts';

/** The route that Prometheus asks. @param isOpen whether everybody may; otherwise it takes a token of the scope `read` */
export function metricsRoute(runtime: Runtime, requests: RequestMetrics, isOpen: boolean): InternalRoute {
  return {
    method: 'GET',
    path: '/-/metrics',
    scope: isOpen ? undefined : 'read',
    about: answersText('scrapeMetrics', 'The metrics, in the text format of Prometheus.'),
    handler: () => metricsResponse(runtime, requests),
  };
}

/** Answers a scrape of Prometheus with what was counted and with what the runtime says now. */
export function metricsResponse(runtime: Runtime, requests: RequestMetrics): Response {
  const text = exposition([...requests.families(), ...runtimeFamilies(runtime)]);
  return new Response(text, { headers: { 'content-type': CONTENT_TYPE, 'cache-control': 'no-store' } });
}
