// The page: a token, the stream of figures, and what the address shows of them.
import { ApiError, call, events, token } from './api.js';
import { Chart } from './charts.js';
import { Detail, element, list } from './detail.js';
import { bytes, Figures, short } from './figures.js';
import { Table } from './table.js';

const $ = (id) => document.getElementById(id);
const MOST_WAIT_MS = 10_000;

let figures = new Figures();
let stream;
const charts = {
  handled: new Chart($('charts'), 'Messages a second'),
  fuel: new Chart($('charts'), 'Fuel a second'),
  memory: new Chart($('charts'), 'Memory', bytes),
  mailbox: new Chart($('charts'), 'Messages and requests that wait', short),
};
const table = new Table($('table'), (id) => {
  location.hash = `#/${id}`;
});
const detail = new Detail();

/** What the address shows: `overview`, `caches`, or the id of a component. */
const shown = () => decodeURIComponent(location.hash.slice(2));

function route() {
  const isOpen = token.get() !== '';
  const what = shown();
  const section = !isOpen ? 'login' : what === '' ? 'overview' : what === 'caches' ? 'caches' : 'detail';
  for (const id of ['login', 'overview', 'detail', 'caches']) $(id).hidden = id !== section;
  $('leave').hidden = !isOpen;
  detail.close();
  if (section === 'detail') detail.open(what);
  if (section === 'caches') void caches();
  if (section === 'overview') {
    draw();
    $('table').focus();
  }
  if (section === 'login') $('token').focus();
}

function draw(at = Date.now()) {
  const what = shown();
  if (what === '') {
    $('count').textContent = `${figures.components.size}`;
    for (const [name, chart] of Object.entries(charts)) chart.set(figures.history.at, figures.history[name]);
    table.set([...figures.components.values()]);
  } else if (what !== 'caches') detail.take(figures.components.get(what), at);
}

async function caches() {
  try {
    const metrics = await (await call('/-/v1/metrics')).json();
    $('metrics').replaceChildren(
      ...Object.entries(metrics).map(([name, values]) => {
        const box = document.createElement('div');
        const pairs = document.createElement('dl');
        list(
          pairs,
          Object.entries(values ?? {}).map(([key, value]) => [
            key,
            typeof value === 'object' ? JSON.stringify(value) : String(value),
          ]),
        );
        box.append(element('h3', name), pairs);
        return box;
      }),
    );
  } catch (error) {
    $('metrics').replaceChildren(element('p', error.message));
  }
}

function say(text, isLost = false) {
  $('connection').textContent = text;
  $('connection').classList.toggle('lost', isLost);
}

/** Reads the figures until the token is forgotten. A lost connection is said and tried again, less and less often. */
async function watch() {
  stream?.abort();
  stream = new AbortController();
  const { signal } = stream;
  for (let wait = 500; !signal.aborted; wait = Math.min(wait * 2, MOST_WAIT_MS)) {
    try {
      figures = new Figures();
      await events('/-/v1/events', signal, (event) => {
        wait = 500;
        say('live');
        figures.take(event);
        draw(event.at);
      });
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && [401, 403].includes(error.status)) {
        token.forget();
        $('login-error').textContent = error.message;
        say('');
        route();
        return;
      }
    }
    if (signal.aborted) return;
    say(`The connection is lost. It is tried again in ${Math.ceil(wait / 1000)} s; what is shown is old.`, true);
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

$('login-form').addEventListener('submit', (event) => {
  event.preventDefault();
  token.set($('token').value.trim());
  $('token').value = '';
  $('login-error').textContent = '';
  route();
  void watch();
});
$('leave').addEventListener('click', () => {
  stream?.abort();
  token.forget();
  say('');
  route();
});
$('filter').addEventListener('input', () => table.filter($('filter').value));
addEventListener('hashchange', route);
addEventListener('keydown', (event) => {
  const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
  if (event.key === 'Escape') {
    if (event.target === $('filter')) $('table').focus();
    else if (!isTyping) location.hash = '#/';
  }
  if (event.key !== '/' || isTyping || $('overview').hidden) return;
  event.preventDefault();
  $('filter').focus();
});
route();
if (token.get() !== '') void watch();
