// The page of one component.
import { call, pathOf } from './api.js';
import { Chart } from './charts.js';
import { bytes, milliseconds, push, short } from './figures.js';

const $ = (id) => document.getElementById(id);
const EVERY_MS = 2000;
const SHOWN = [
  ['state', 'State', String],
  ['handled', 'Messages', short],
  ['mailbox', 'In the mailbox', short],
  ['requests', 'Requests', short],
  ['fuel', 'Fuel', short],
  ['memory', 'Memory', bytes],
  ['execution', 'Computing', milliseconds],
  ['waiting', 'Waiting', milliseconds],
  ['restarts', 'Restarts', short],
];

export class Detail {
  #id = '';
  #history;
  #rate = new Chart($('detail-charts'), 'Messages a second');
  #latency = new Chart($('detail-charts'), 'Computing for a message', milliseconds);
  #fuel = new Chart($('detail-charts'), 'Fuel a second');
  #memory = new Chart($('detail-charts'), 'Memory', bytes);
  #timer;

  constructor() {
    $('send-form').addEventListener('submit', (event) => this.#submit(event, () => this.#send()));
    $('replace-form').addEventListener('submit', (event) => this.#submit(event, () => this.#replace()));
  }

  open(id) {
    this.#id = id;
    this.#history = { at: [], rate: [], latency: [], fuel: [], memory: [] };
    $('detail-title').textContent = id;
    for (const each of ['detail-error', 'reply', 'replaced']) $(each).textContent = '';
    for (const each of ['log', 'letters', 'figures', 'limits', 'grants']) $(each).replaceChildren();
    this.close();
    const poll = () => {
      void this.#load();
      this.#timer = setTimeout(poll, EVERY_MS);
    };
    poll();
    $('detail-title').focus();
  }

  close() {
    clearTimeout(this.#timer);
  }

  /** Shows the newest figures; undefined when the component is gone. */
  take(row, at) {
    if (row === undefined) {
      $('detail-error').textContent = 'This component is not loaded.';
      return;
    }
    const { rates } = row;
    const latency = rates.handled > 0 ? rates.execution / rates.handled : 0;
    push(this.#history, at / 1000, { rate: rates.handled, latency, fuel: rates.fuel, memory: row.memory });
    const { at: times, ...series } = this.#history;
    this.#rate.set(times, series.rate);
    this.#latency.set(times, series.latency);
    this.#fuel.set(times, series.fuel);
    this.#memory.set(times, series.memory);
    list(
      $('figures'),
      SHOWN.map(([name, title, format]) => [title, format(row[name])]),
    );
  }

  async #load() {
    const id = this.#id;
    try {
      const path = pathOf(id);
      const [info, lines, letters] = await Promise.all(
        [path, `${path}/logs`, `/-/v1/dead-letters?target=${encodeURIComponent(id)}`].map(async (each) =>
          (await call(each)).json(),
        ),
      );
      if (id !== this.#id) return;
      $('detail-error').textContent = '';
      list(
        $('limits'),
        Object.entries(info.limits).map(([name, value]) => [name, String(value)]),
      );
      $('grants').replaceChildren(
        ...(info.grants.length === 0 ? ['none'] : info.grants).map((grant) => element('li', grant)),
      );
      show(
        $('log'),
        lines.map(({ at, channel, message }) => [at, `[${channel}] ${message}`]),
      );
      show(
        $('letters'),
        letters.map(({ at, reason, sender, bytes: size, code }) => [
          at,
          `${reason} from ${sender}, ${size} bytes ${code ?? ''}`,
        ]),
      );
    } catch (error) {
      if (id === this.#id) $('detail-error').textContent = error.message;
    }
  }

  async #submit(event, act) {
    event.preventDefault();
    const button = event.target.querySelector('button');
    button.disabled = true;
    try {
      $('detail-error').textContent = '';
      await act();
    } catch (error) {
      $('detail-error').textContent = error.message;
    } finally {
      button.disabled = false;
    }
  }

  async #send() {
    const headers = { 'content-type': $('content-type').value };
    const response = await call(`/actors/${this.#id}`, { method: 'POST', body: $('payload').value, headers });
    $('reply').textContent = response.status === 204 ? '(no reply)' : (await response.text()).slice(0, 10_000);
  }

  async #replace() {
    const headers = { 'content-type': 'application/wasm' };
    await call(pathOf(this.#id), { method: 'PUT', body: $('file').files[0], headers });
    $('replaced').textContent = 'replaced';
  }
}

/** Shows pairs of names and values. Texts of components become text nodes and never markup. */
export function list(parent, pairs) {
  parent.replaceChildren(...pairs.flatMap(([name, value]) => [element('dt', name), element('dd', value)]));
}

function show(parent, lines) {
  const isAtEnd = parent.scrollTop + parent.clientHeight >= parent.scrollHeight - 4;
  parent.replaceChildren(
    ...lines.map(([at, text]) => {
      const line = document.createElement('div');
      line.append(element('time', new Date(at).toLocaleTimeString()), ` ${harmless(text)}`);
      return line;
    }),
  );
  if (lines.length === 0) parent.append('nothing');
  if (isAtEnd) parent.scrollTop = parent.scrollHeight;
}

/** Shows characters that change the direction or the place of other text. */
function harmless(text) {
  return text.replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu, (unit) =>
    unit === '\n' || unit === '\t' ? unit : `\\u{${unit.charCodeAt(0).toString(16)}}`,
  );
}

export function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
