// What the stream of figures tells, as the page shows it.

/** The columns of a row, in the order of the stream. */
export const COLUMNS = [
  'id',
  'state',
  'mailbox',
  'requests',
  'fuel',
  'memory',
  'handled',
  'execution',
  'waiting',
  'restarts',
];
const NUMBERS = new Set(COLUMNS.slice(2));
/** The seconds that charts show. */
export const SECONDS = 120;

/** The newest figures of each component, and the rates between the last two events. */
export class Figures {
  components = new Map();
  /** Series of sums over all components, by name, with the times in `at`. */
  history = { at: [], handled: [], fuel: [], memory: [], mailbox: [] };
  #last = 0;

  /** Takes an event. Values are checked because a proxy may have changed them. */
  take({ at, rows, gone }) {
    const seconds = this.#last === 0 ? 0 : Math.max((at - this.#last) / 1000, 0.001);
    for (const id of gone) this.components.delete(id);
    for (const each of this.components.values()) each.rates = { handled: 0, fuel: 0, execution: 0 };
    for (const values of rows) {
      const row = Object.fromEntries(
        COLUMNS.map((name, at) => [name, NUMBERS.has(name) ? Number(values[at]) : String(values[at])]),
      );
      const before = this.components.get(row.id);
      const rate = (name) =>
        before === undefined || seconds === 0 ? 0 : Math.max(row[name] - before[name], 0) / seconds;
      row.rates = { handled: rate('handled'), fuel: rate('fuel'), execution: rate('execution') };
      this.components.set(row.id, row);
    }
    this.#last = at;
    const all = [...this.components.values()];
    const sum = (value) => all.reduce((total, each) => total + value(each), 0);
    push(this.history, at / 1000, {
      handled: sum(({ rates }) => rates.handled),
      fuel: sum(({ rates }) => rates.fuel),
      memory: sum(({ memory }) => memory),
      mailbox: sum(({ mailbox, requests }) => mailbox + requests),
    });
  }
}

/** Adds a point to all series, and drops the oldest. */
export function push(history, at, values) {
  history.at.push(at);
  for (const [name, value] of Object.entries(values)) history[name].push(value);
  if (history.at.length > SECONDS) for (const series of Object.values(history)) series.shift();
}

const UNITS = ['', 'k', 'M', 'G', 'T', 'P'];

/** A number with a unit, such as `1.25 M`. */
export function short(value) {
  let unit = 0;
  let rest = value;
  while (rest >= 1000 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit++;
  }
  const digits = rest >= 100 || Number.isInteger(rest) ? 0 : rest >= 10 ? 1 : 2;
  return `${rest.toFixed(digits)}${unit === 0 ? '' : ` ${UNITS[unit]}`}`;
}

export function bytes(value) {
  if (value < 1024) return `${value} B`;
  if (value < 1024 ** 2) return `${(value / 1024).toFixed(1)} KiB`;
  return value < 1024 ** 3 ? `${(value / 1024 ** 2).toFixed(1)} MiB` : `${(value / 1024 ** 3).toFixed(2)} GiB`;
}

export const milliseconds = (value) =>
  value < 1000 ? `${Math.round(value * 100) / 100} ms` : `${(value / 1000).toFixed(1)} s`;
