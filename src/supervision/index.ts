export { LiveActors } from './live-actors.ts';
