export type { Kind, Payload } from './component.ts';
export { KINDS, PAYLOADS } from './component.ts';
export type { GuestEvent, Script, Step } from './guests.ts';
export { BLOCKED, calls, does, ends, event, leaves, ScriptedGuests, setOf } from './guests.ts';
