import type { CurrentStore, HostLinker } from '#runtime/host';
import type { Io } from '../io.ts';
import { bodyKit } from './body.ts';
import { fieldsKit } from './fields.ts';
import { incomingKit } from './incoming.ts';
import { type RequestKit, requestKit } from './request.ts';
import { type ResponseKit, responseKit } from './response.ts';

/** What the outgoing handler does with a guest's resources. */
export type HttpTypes = Pick<RequestKit, 'toSend' | 'limitsOf'> & Pick<ResponseKit, 'future'>;

/** `wasi:http/types`: requests that go out and that come in, and their answers. */
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
