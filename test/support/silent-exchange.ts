import type { FramedAnswer } from '#core/ports/serving';
import type { BytePipe, FieldPairs } from '#core/waiting';
import { HttpExchange } from '#system';

/** A request without a body. Nothing is made of its answer, as Node keeps objects of its own for each `Request`. */
export class SilentExchange extends HttpExchange {
  readonly method = 'GET';
  readonly scheme = 'http';
  readonly authority = 'silent';
  readonly path = '/';
  readonly headers: FieldPairs = [];

  protected receive(into: BytePipe): void {
    into.end();
  }

  protected respond({ body }: FramedAnswer): void {
    while (body !== undefined && this.read(body)?.length !== 0) {}
  }

  protected failed(error: unknown): never {
    throw error;
  }
}
