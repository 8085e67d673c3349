export { type PlannedBuild, planBuild, whyGlue } from './plan.ts';
