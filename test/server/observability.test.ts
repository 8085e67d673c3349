// What Prometheus reads: conventional names, bounded labels, and no text that could be taken for another sample.
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { metricsResponse, RequestMetrics } from '#server/observability';
import { createRuntime } from '#system';
import { exposition } from '../../src/server/observability/exposition.ts';
import { helloHandler } from '../../tools/components/hello-handler.ts';

const SAMPLE = /^[a-z_]+(?:\{[a-z]+="(?:[^"\\\n]|\\.)*"(?:,[a-z]+="(?:[^"\\\n]|\\.)*")*\})? [-+\w.]+$/;

it('is one line for each sample, whatever text a label has', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const written = exposition([
        { name: 'a_total', help: 'A.', type: 'counter', samples: [{ labels: { component: text }, value: 1 }] },
      ]);
      const lines = written.split('\n');
      expect(lines).toHaveLength(4);
      expect(lines[2]).toMatch(SAMPLE);
    }),
  );
  const hostile = '<script>"\n# TYPE evil counter\nevil 1\\';
  expect(exposition([{ name: 'a', help: 'A.', type: 'gauge', samples: [{ labels: { id: hostile }, value: 1 }] }])).toBe(
    '# HELP a A.\n# TYPE a gauge\na{id="<script>\\"\\n# TYPE evil counter\\nevil 1\\\\"} 1\n',
  );
});

it('counts requests by component, method and class of status, and their durations', () => {
  const metrics = new RequestMetrics();
  metrics.count({ component: 'a', method: 'GET', status: 200, seconds: 0.003 });
  metrics.count({ component: 'a', method: 'GET', status: 204, seconds: 0.3 });
  metrics.count({ component: 'a', method: 'BREW', status: 503, seconds: 30 });
  metrics.count({ component: 'a', method: 'POST', status: 0, seconds: 1 });
  const text = exposition(metrics.families());
  for (const line of [
    'vivarium_http_requests_total{component="a",method="GET",code="2xx"} 2',
    'vivarium_http_requests_total{component="a",method="other",code="5xx"} 1',
    'vivarium_http_requests_total{component="a",method="POST",code="aborted"} 1',
    'vivarium_http_request_duration_seconds_bucket{component="a",le="0.005"} 1',
    'vivarium_http_request_duration_seconds_bucket{component="a",le="0.5"} 2',
    'vivarium_http_request_duration_seconds_bucket{component="a",le="10"} 3',
    'vivarium_http_request_duration_seconds_bucket{component="a",le="+Inf"} 4',
    'vivarium_http_request_duration_seconds_count{component="a"} 4',
  ]) {
    expect(text).toContain(`${line}\n`);
  }
});

it('has no more series than a thousand components have, whoever chooses their ids and methods', () => {
  const metrics = new RequestMetrics();
  for (let at = 0; at < 5_000; at++) {
    metrics.count({ component: `c${at}`, method: `M${at}`, status: 200, seconds: 0 });
  }
  const text = exposition(metrics.families());
  expect(text.match(/^vivarium_http_requests_total/gm)).toHaveLength(1_001);
  expect(text).toContain('vivarium_http_requests_total{component="others",method="other",code="2xx"} 4000\n');
});

it('says what the runtime and its components do now', async () => {
  const runtime = await createRuntime();
  onTestFinished(() => runtime.close());
  const handle = await runtime.load(await helloHandler(), { id: 'demo/hello/1' });
  await (await runtime.fetch(handle, new Request('http://a/'))).text();
  const response = metricsResponse(runtime, new RequestMetrics());
  expect(response.headers.get('content-type')).toContain('version=0.0.4');
  const text = await response.text();
  expect(text).toContain('vivarium_component_state{component="demo/hello/1",state="ready"} 1\n');
  expect(text).toMatch(/^vivarium_component_fuel_total\{component="demo\/hello\/1"\} [1-9]\d*$/m);
  expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
  for (const line of text.trimEnd().split('\n')) if (!line.startsWith('#')) expect(line).toMatch(SAMPLE);
});
