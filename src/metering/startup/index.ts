export { DataSegments } from './data-segments.ts';
export { startupOf } from './startup.ts';
