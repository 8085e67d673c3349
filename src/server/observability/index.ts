export { metricsResponse } from './metrics-route.ts';
export { RequestMetrics } from './request-metrics.ts';
