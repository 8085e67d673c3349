export { JcoEngine } from './jco-engine.ts';
