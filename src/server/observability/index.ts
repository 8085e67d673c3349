export { metricsResponse, metricsRoute } from './metrics-route.ts';
export { type Answered, RequestMetrics } from './request-metrics.ts';
