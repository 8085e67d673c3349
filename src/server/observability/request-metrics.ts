import type { Family, Sample } from './exposition.ts';

/** One request that a component answered. */
export interface Answered {
  readonly component: string;
  readonly method: string;
  /** 0 if the connection ended before an answer began. */
  readonly status: number;
  /** From the head of the request to the end of the answer. */
  readonly seconds: number;
}

/** Upper bounds of the duration's buckets in seconds, those of Prometheus' own clients. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** Components with labels of their own. A reader of metrics keeps each value of a label for weeks. */
const MAX_COMPONENTS = 1_000;
/** The label of all components beyond that. */
const OTHERS = 'others';

/** The labels of statuses by their first digit. */
const CODES = ['aborted', '1xx', '2xx', '3xx', '4xx', '5xx'];

interface Series {
  /** By method, and then by the first digit of the status. */
  readonly counts: Map<string, number[]>;
  readonly buckets: number[];
  seconds: number;
  total: number;
}

/** Counts the requests that components answered. What clients choose, as methods, only reaches labels from a fixed list. */
export class RequestMetrics {
  readonly #series = new Map<string, Series>();

  /** Counts one request whose answer has ended. */
  count({ component, method, status, seconds }: Answered): void {
    const series = this.#seriesOf(component);
    const name = METHODS.has(method) ? method : 'other';
    let byCode = series.counts.get(name);
    if (byCode === undefined) {
      byCode = CODES.map(() => 0);
      series.counts.set(name, byCode);
    }
    const code = Math.trunc(status / 100);
    byCode[code] = (byCode[code] ?? 0) + 1;
    series.seconds += seconds;
    series.total += 1;
    let bucket = 0;
    while (bucket < BUCKETS.length && seconds > (BUCKETS[bucket] as number)) bucket += 1;
    if (bucket < BUCKETS.length) series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
  }

  families(): readonly Family[] {
    const counts: Sample[] = [];
    const durations: Sample[] = [];
    for (const [component, series] of this.#series) {
      for (const [method, byCode] of series.counts) {
        for (const [digit, value] of byCode.entries()) {
          const code = CODES[digit] ?? `${digit}xx`;
          if (value > 0) counts.push({ labels: { component, method, code }, value });
        }
      }
      let sum = 0;
      for (const [at, most] of BUCKETS.entries()) {
        sum += series.buckets[at] ?? 0;
        durations.push({ suffix: '_bucket', labels: { component, le: String(most) }, value: sum });
      }
      durations.push({ suffix: '_bucket', labels: { component, le: '+Inf' }, value: series.total });
      durations.push({ suffix: '_sum', labels: { component }, value: series.seconds });
      durations.push({ suffix: '_count', labels: { component }, value: series.total });
    }
    return [
      {
        name: 'vivarium_http_requests_total',
        help: 'HTTP requests that components answered, by the class of the status.',
        type: 'counter',
        samples: counts,
      },
      {
        name: 'vivarium_http_request_duration_seconds',
        help: 'Seconds from the head of a request to the end of its answer.',
        type: 'histogram',
        samples: durations,
      },
    ];
  }

  #seriesOf(component: string): Series {
    const known = this.#series.get(component);
    if (known !== undefined) return known;
    const name = this.#series.size < MAX_COMPONENTS ? component : OTHERS;
    let series = this.#series.get(name);
    if (series === undefined) {
      series = { counts: new Map(), buckets: BUCKETS.map(() => 0), seconds: 0, total: 0 };
      this.#series.set(name, series);
    }
    return series;
  }
}
