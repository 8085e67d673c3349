// Whatever an embedder's tracer does, the work that it traces goes on as if nobody traced it.
import { describe, expect, it, vi } from 'vitest';
import { guardedTracer } from '#core/ports/guarded-tracer';
import type { OpenSpan, Tracer } from '#core/ports/tracing';

const broken =
  (what = 'broken') =>
  (): never => {
    throw new Error(what);
  };

const sound: OpenSpan = {
  traceId: '1'.repeat(32),
  spanId: '2'.repeat(16),
  fields: [['traceparent', 'sound']],
  begin: () => sound,
  run: (work) => work(),
  end: () => {},
};

/** A guarded tracer whose spans are `sound` but for `parts`, and what was told of its failures. */
function scene(parts: object) {
  const span = Object.create(sound, Object.getOwnPropertyDescriptors(parts)) as OpenSpan;
  const told: unknown[] = [];
  const tracer = guardedTracer({ begin: () => span }, (error) => void told.push(error));
  return { tracer, span: tracer.begin('internal', 'name', {}), told };
}

/** Does with a span all that the runtime does, and answers what its work answered. */
function used(span: OpenSpan): unknown {
  const child = span.begin('client', 'child', {});
  const known = [span.traceId, span.spanId, span.isDropped, span.fields, child.fields];
  expect(known.every((each) => each !== null)).toBe(true);
  const answer = child.run(() => span.run(() => 'answer'));
  child.end({}, 'failure');
  span.end();
  return answer;
}

const getter = { get: broken(), enumerable: true };

describe('a tracer that throws', () => {
  it('where a span begins traces nothing, and is told of once', () => {
    const told: unknown[] = [];
    const tracer = guardedTracer({ begin: broken() }, (error) => void told.push(error));
    expect(used(tracer.begin('internal', 'one', {}))).toBe('answer');
    expect(used(tracer.begin('internal', 'two', {}))).toBe('answer');
    expect(told).toEqual([new Error('broken')]);
  });

  it.each(['begin', 'run', 'end'])('in %s of a span fails nothing', (name) => {
    const { span, told } = scene({ [name]: broken() });
    expect(used(span)).toBe('answer');
    expect(told).toEqual([new Error('broken')]);
  });

  it.each(['traceId', 'spanId', 'isDropped', 'fields'])('where %s of a span is read fails nothing', (name) => {
    const parts = Object.defineProperty({}, name, getter);
    const { span, told } = scene(parts);
    expect(used(span)).toBe('answer');
    expect(told).toEqual([new Error('broken')]);
  });

  it('after the work has run keeps what the work answered, or threw', () => {
    const after = <T>(work: () => T): T => {
      work();
      throw new Error('broken');
    };
    const { span, told } = scene({ run: after });
    expect(span.run(() => 'answer')).toBe('answer');
    expect(() => span.run(broken('of the work'))).toThrow('of the work');
    expect(told).toEqual([new Error('broken')]);
  });
});

describe('a tracer that answers something else', () => {
  it.each([undefined, null, 'span', 1])('than a span (%s) traces nothing', (answer) => {
    const told: unknown[] = [];
    const tracer = guardedTracer({ begin: () => answer } as unknown as Tracer, (error) => void told.push(error));
    expect(used(tracer.begin('internal', 'name', {}))).toBe('answer');
    expect(told).toHaveLength(1);
  });

  it.each([[undefined], ['text'], [[['alone']]], [[[1, 2]]], [{ length: 1 }]])(
    'than fields (%j) has none',
    (fields) => {
      const { span } = scene({ fields });
      expect(span.fields).toEqual([]);
      expect(used(span)).toBe('answer');
    },
  );

  it('than the work answered is not heard', () => {
    const { span } = scene({ run: (work: () => unknown) => void work() });
    expect(span.run(() => 'answer')).toBe('answer');
  });

  it('than texts has none', () => {
    const { span } = scene({ traceId: 1, spanId: undefined });
    expect([span.traceId, span.spanId]).toEqual(['', '']);
  });
});

describe('work', () => {
  it('runs once, whether the tracer runs it twice or never', () => {
    const work = vi.fn(() => 'answer');
    const twice = (given: () => unknown): unknown => [given(), given()][1];
    expect(scene({ run: twice }).span.run(work)).toBe('answer');
    expect(work).toHaveBeenCalledTimes(1);
    expect(scene({ run: () => undefined }).span.run(work)).toBe('answer');
    expect(work).toHaveBeenCalledTimes(2);
  });

  it('that throws is no failure of the tracer', () => {
    const { span, told } = scene({});
    expect(() => span.run(broken('of the work'))).toThrow('of the work');
    expect(told).toEqual([]);
  });
});

it('an asynchronous end that fails is a failure of the tracer and nobody else’s', async () => {
  const { span, told } = scene({ end: () => Promise.reject(new Error('broken')), run: async () => broken()() });
  expect(span.run(() => 'answer')).toBe('answer');
  span.end();
  await expect.poll(() => told).toEqual([new Error('broken')]);
});

it('is not guarded twice', () => {
  const { tracer } = scene({});
  expect(guardedTracer(tracer, () => {})).toBe(tracer);
});
