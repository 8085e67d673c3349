export type { HostEnds, Script, Step } from './guests.ts';
export { BLOCKED, calls, does, ends, event, leaves, ScriptedGuests, setOf } from './guests.ts';
