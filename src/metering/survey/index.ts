export { FunctionFlag, LoopFlag, type ModuleFacts, NO_LOOP } from './module-facts.ts';
export { surveyModule } from './survey.ts';
