import { format } from './format.ts';
import { inspect } from './inspect.ts';
import { type Level, report } from './report.ts';

const counts = new Map<string, number>();
const began = new Map<string, number>();
let indent = '';

const print =
  (level: Level) =>
  (...args: unknown[]): void => {
    const text = format(args);
    report(level, indent === '' ? text : indent + text.replaceAll('\n', `\n${indent}`));
  };

const [trace, debug, info, warn, error] = [
  print('trace'),
  print('debug'),
  print('info'),
  print('warn'),
  print('error'),
];

function group(...label: unknown[]): void {
  if (label.length > 0) info(...label);
  indent += '  ';
}

function elapsed(label: string): string {
  return `${label}: ${Date.now() - (began.get(label) ?? Date.now())} ms`;
}

const console = {
  log: info,
  info,
  debug,
  warn,
  error,
  trace(...args: unknown[]): void {
    trace(`Trace: ${format(args)}\n${new Error('trace').stack ?? ''}`.trimEnd());
  },
  dir: (value: unknown, { depth }: { readonly depth?: number | null } = {}): void => info(inspect(value, depth)),
  table: (value: unknown): void => info(inspect(value)),
  assert(holds?: unknown, ...args: unknown[]): void {
    if (!holds) error(args.length === 0 ? 'Assertion failed' : `Assertion failed: ${format(args)}`);
  },
  count(label = 'default'): void {
    counts.set(label, (counts.get(label) ?? 0) + 1);
    info(`${label}: ${counts.get(label)}`);
  },
  countReset: (label = 'default'): void => void counts.delete(label),
  time: (label = 'default'): void => void began.set(label, Date.now()),
  timeLog: (label = 'default', ...args: unknown[]): void => info(elapsed(label), ...args),
  timeEnd(label = 'default'): void {
    info(elapsed(label));
    began.delete(label);
  },
  group,
  groupCollapsed: group,
  groupEnd(): void {
    indent = indent.slice(2);
  },
};

Object.assign(globalThis, { console });
