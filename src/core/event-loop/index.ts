export { keepAlive } from './keep-alive.ts';
export { type AtRoundEnd, RoundEnd, roundEnd } from './round-end.ts';
