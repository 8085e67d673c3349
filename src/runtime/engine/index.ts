export { type DescribedComponents, JcoEngine } from './jco-engine.ts';
