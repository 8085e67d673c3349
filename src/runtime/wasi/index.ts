export { defineWasi } from './define.ts';
