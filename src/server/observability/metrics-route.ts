import type { Runtime } from '#system';
import { CONTENT_TYPE, exposition } from './exposition.ts';
import type { RequestMetrics } from './request-metrics.ts';
import { runtimeFamilies } from './runtime-metrics.ts';

/** Answers a scrape of Prometheus with what was counted and with what the runtime says now. */
export function metricsResponse(runtime: Runtime, requests: RequestMetrics): Response {
  const text = exposition([...requests.families(), ...runtimeFamilies(runtime)]);
  return new Response(text, { headers: { 'content-type': CONTENT_TYPE, 'cache-control': 'no-store' } });
}
