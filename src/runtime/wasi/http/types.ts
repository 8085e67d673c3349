import type { HostLinker, HostState } from '#runtime/host';
import { codeOf } from '../io.ts';
import { FutureTrailers, IncomingBody, OutgoingBody } from './body.ts';
import { Fields } from './fields.ts';
import { IncomingRequest, OutgoingResponse, ResponseOutparam } from './incoming.ts';
import { OutgoingRequest, RequestOptions } from './request.ts';
import { FutureIncomingResponse, IncomingResponse } from './response.ts';

/** Defines `wasi:http/types`: outgoing and incoming requests and their answers. */
export function defineHttpTypes(linker: HostLinker): void {
  const types = {
    Fields,
    IncomingRequest,
    OutgoingRequest,
    RequestOptions,
    IncomingResponse,
    OutgoingResponse,
    FutureIncomingResponse,
    ResponseOutparam,
    IncomingBody,
    OutgoingBody,
    FutureTrailers,
    httpErrorCode: (_: HostState, error: unknown) => {
      const code = codeOf(error);
      return typeof code === 'object' ? code : undefined;
    },
  };
  linker.defineHandler('wasi:http/incoming-handler@0.2.0', {
    given: (caller, request) => [new IncomingRequest(caller, request), new ResponseOutparam(caller, request)],
  });
  linker.define('wasi:http/types@0.2.0', types, [Fields, OutgoingRequest, RequestOptions, OutgoingResponse]);
}
