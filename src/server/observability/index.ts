export { metricsResponse } from './metrics-route.ts';
export { type Answered, RequestMetrics } from './request-metrics.ts';
