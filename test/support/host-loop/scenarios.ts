// How each host function is called in a loop: by which receivers and arguments it succeeds and fails.
import { ACTOR } from './actor-scenarios.ts';
import { BASIC } from './basic-scenarios.ts';
import { BASIC_3 } from './basic-scenarios-3.ts';
import { FILESYSTEM } from './filesystem-scenarios.ts';
import { HTTP } from './http-scenarios.ts';
import { HTTP_3 } from './http-scenarios-3.ts';
import type { Scenario } from './scenario.ts';
import { SOCKETS } from './socket-scenarios.ts';

export const SCENARIOS: readonly Scenario[] = [
  ...BASIC,
  ...BASIC_3,
  ...FILESYSTEM,
  ...HTTP,
  ...HTTP_3,
  ...SOCKETS,
  ...ACTOR,
];

/** What ends the store at once, so that no loop runs it in one: loops over stores have them. */
export const ENDING: readonly string[] = [
  'wasi:cli/exit#exit',
  'wasi:cli/exit#exitWithCode',
  'wasi:cli/exit@0.3#exit',
  'wasi:cli/exit@0.3#exitWithCode',
];

/** Reached only with an answer or a connection that took several turns. */
export const OVER_TURNS: readonly string[] = [
  'wasi:sockets/udp#IncomingDatagramStream.receive',
  'wasi:sockets/udp#IncomingDatagramStream.subscribe',
  'wasi:sockets/udp#OutgoingDatagramStream.checkSend',
  'wasi:sockets/udp#OutgoingDatagramStream.send',
  'wasi:sockets/udp#OutgoingDatagramStream.subscribe',
  'wasi:http/types#FutureTrailers.subscribe',
  'wasi:http/types#FutureTrailers.get',
  'wasi:http/types#IncomingBody.stream',
  'wasi:http/types#IncomingBody[static]finish',
  'wasi:http/types#IncomingResponse.status',
  'wasi:http/types#IncomingResponse.headers',
  'wasi:http/types#IncomingResponse.consume',
];
