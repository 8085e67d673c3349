import type { LoadedComponentInfo, Runtime } from '#system';
import type { Family, Sample } from './exposition.ts';

/** Components with labels of their own. */
const MAX_COMPONENTS = 1_000;

/** Reads the metrics of a runtime and of its components, as they are now. */
export function runtimeFamilies(runtime: Runtime): readonly Family[] {
  const components = runtime.components();
  const shown = components.slice(0, MAX_COMPONENTS);
  const of = (value: (info: LoadedComponentInfo) => number | bigint): readonly Sample[] =>
    shown.map((info) => ({ labels: { component: info.id }, value: value(info) }));
  const { cache, messages } = runtime.metrics();
  const { cpu, memory } = { cpu: process.cpuUsage(), memory: process.memoryUsage.rss() };
  return [
    gauge('vivarium_components', 'Components that are loaded.', [{ value: components.length }]),
    gauge(
      'vivarium_component_state',
      'The state of a component; always 1.',
      shown.map(({ id, state }) => ({ labels: { component: id, state }, value: 1 })),
    ),
    counter(
      'vivarium_component_fuel_total',
      'Fuel that a component has used.',
      of((info) => info.usage.fuelConsumed),
    ),
    counter(
      'vivarium_component_execution_seconds_total',
      'Seconds that a component has computed.',
      of((info) => info.usage.executionTimeMs / 1_000),
    ),
    counter(
      'vivarium_component_waiting_seconds_total',
      'Seconds that turns of a component have waited.',
      of((info) => info.usage.waitingMs / 1_000),
    ),
    counter(
      'vivarium_component_messages_total',
      'Messages that a component has handled.',
      of((info) => info.usage.messagesHandled),
    ),
    gauge(
      'vivarium_component_memory_bytes',
      'Memory of a component.',
      of((info) => info.usage.memoryBytes),
    ),
    gauge(
      'vivarium_component_mailbox_messages',
      'Messages that wait.',
      of((info) => info.mailbox.messages),
    ),
    gauge(
      'vivarium_component_mailbox_bytes',
      'Bytes of messages that wait.',
      of((info) => info.mailbox.bytes),
    ),
    gauge(
      'vivarium_component_http_requests',
      'Requests that are answered or wait.',
      of((info) => info.requests),
    ),
    ...counters('vivarium_messages', 'Messages of the runtime', messages),
    ...counters('vivarium_cache', 'The artifact cache', cache),
    counter('process_cpu_seconds_total', 'Processor seconds of the process.', [
      { value: (cpu.user + cpu.system) / 1e6 },
    ]),
    gauge('process_resident_memory_bytes', 'Resident memory of the process.', [{ value: memory }]),
    gauge('process_start_time_seconds', 'When the process started, in seconds since 1970.', [
      { value: (Date.now() - process.uptime() * 1_000) / 1_000 },
    ]),
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, help, type: 'gauge', samples };
}

function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, help, type: 'counter', samples };
}

/** One gauge for each number of an object: some of them fall. */
function counters(prefix: string, help: string, values: object): readonly Family[] {
  return Object.entries(values).flatMap(([key, value]) => {
    if (typeof value !== 'number') return [];
    const name = `${prefix}_${key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
    return [gauge(name, `${help}: ${key}.`, [{ value }])];
  });
}
