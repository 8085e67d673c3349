import type { CurrentStore, HostLinker } from '#runtime/host';
import type { Io } from '../io.ts';
import { bodyKit } from './body.ts';
import { fieldsKit } from './fields.ts';
import { incomingKit } from './incoming.ts';
import { type RequestKit, requestKit } from './request.ts';
import { type ResponseKit, responseKit } from './response.ts';

/** The operations on a guest's resources that the outgoing handler uses. */
export type HttpTypes = Pick<RequestKit, 'toSend' | 'limitsOf'> & Pick<ResponseKit, 'future'>;

/** Defines `wasi:http/types`: outgoing and incoming requests and their answers. */
export function defineHttpTypes(linker: HostLinker, current: CurrentStore, io: Io): HttpTypes {
  const name = 'wasi:http/types@0.2.0';
  const fields = fieldsKit(current);
  const bodies = bodyKit(current, io, fields);
  const { OutgoingRequest, RequestOptions, toSend, limitsOf } = requestKit(current, fields, bodies);
  const { classes, future } = responseKit(current, io, fields, bodies);
  linker.define(name, {
    ...incomingKit(current, fields, bodies),
    ...classes,
    Fields: fields.Fields,
    OutgoingRequest,
    RequestOptions,
    OutgoingBody: bodies.OutgoingBody,
    IncomingBody: bodies.IncomingBody,
    FutureTrailers: bodies.FutureTrailers,
    httpErrorCode: (error: unknown) => {
      const code = io.codeOf(error);
      return typeof code === 'object' ? code : undefined;
    },
  });
  return { toSend, limitsOf, future };
}
