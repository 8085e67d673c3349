// The table of components. Only rows that can be seen exist, so that thousands of components cost as much as twenty.
import { bytes, milliseconds, short } from './figures.js';

const ROW = 28;
const SHOWN = [
  ['id', 'Component', (row) => row.id],
  ['state', 'State', (row) => row.state],
  ['mailbox', 'Mailbox', (row) => short(row.mailbox + row.requests)],
  ['rate', 'Per second', (row) => short(row.rates.handled)],
  ['fuel', 'Fuel', (row) => short(row.fuel)],
  ['memory', 'Memory', (row) => bytes(row.memory)],
  ['execution', 'Computing', (row) => milliseconds(row.execution)],
  ['waiting', 'Waiting', (row) => milliseconds(row.waiting)],
  ['restarts', 'Restarts', (row) => short(row.restarts)],
];
const sortValue = (row, name) => (name === 'rate' ? row.rates.handled : row[name]);

export class Table {
  #grid;
  #body = document.createElement('div');
  #cells = new Map();
  #rows = [];
  #all = [];
  #filter = '';
  #sort = { name: 'id', down: false };
  #selected = '';
  #open;

  /** @param open called with the id of a component that was chosen */
  constructor(grid, open) {
    this.#grid = grid;
    this.#open = open;
    grid.setAttribute('role', 'grid');
    grid.setAttribute('aria-labelledby', 'overview-title');
    grid.tabIndex = 0;
    const head = document.createElement('div');
    head.className = 'row head';
    head.setAttribute('role', 'row');
    for (const [name, title] of SHOWN) {
      const cell = document.createElement('div');
      cell.setAttribute('role', 'columnheader');
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = title;
      button.addEventListener('click', () => {
        this.#sort = { name, down: this.#sort.name === name && !this.#sort.down };
        for (const each of head.children) each.removeAttribute('aria-sort');
        cell.setAttribute('aria-sort', this.#sort.down ? 'descending' : 'ascending');
        this.set(this.#all);
      });
      cell.append(button);
      head.append(cell);
    }
    this.#body.className = 'body';
    this.#body.setAttribute('role', 'rowgroup');
    grid.append(head, this.#body);
    grid.addEventListener('scroll', () => this.#draw(), { passive: true });
    grid.addEventListener('keydown', (event) => this.#key(event));
    new ResizeObserver(() => this.#draw()).observe(grid);
  }

  set(rows) {
    this.#all = rows;
    const { name, down } = this.#sort;
    const sign = down ? -1 : 1;
    const before = (one, other) => (one < other ? -sign : one > other ? sign : 0);
    this.#rows = rows
      .filter(({ id, state }) => id.includes(this.#filter) || state === this.#filter)
      .sort((one, other) => before(sortValue(one, name), sortValue(other, name)) || before(one.id, other.id) * sign);
    this.#grid.setAttribute('aria-rowcount', String(this.#rows.length + 1));
    this.#draw();
  }

  filter(text) {
    this.#filter = text.trim();
    this.#grid.scrollTop = 0;
    this.set(this.#all);
  }

  #key(event) {
    const at = this.#rows.findIndex(({ id }) => id === this.#selected);
    const page = Math.max(Math.floor(this.#grid.clientHeight / ROW) - 2, 1);
    const steps = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -this.#rows.length,
      End: this.#rows.length,
    };
    if (event.target !== this.#grid) return;
    if (event.key === 'Enter' && at >= 0) this.#open(this.#selected);
    const step = steps[event.key];
    if (step === undefined || this.#rows.length === 0) return;
    event.preventDefault();
    // The first press of an arrow selects the first row.
    const wanted = at < 0 && Math.abs(step) === 1 ? 0 : Math.max(at, 0) + step;
    const next = Math.min(Math.max(wanted, 0), this.#rows.length - 1);
    this.#selected = this.#rows[next].id;
    const top = next * ROW;
    if (top < this.#grid.scrollTop) this.#grid.scrollTop = top;
    const end = top + 2 * ROW - this.#grid.clientHeight;
    if (end > this.#grid.scrollTop) this.#grid.scrollTop = end;
    this.#draw();
  }

  #draw() {
    const { scrollTop, clientHeight } = this.#grid;
    const first = Math.max(Math.floor(scrollTop / ROW) - 2, 0);
    const last = Math.min(first + Math.ceil(clientHeight / ROW) + 4, this.#rows.length);
    this.#body.style.height = `${this.#rows.length * ROW}px`;
    this.#body.style.position = 'relative';
    const kept = new Set();
    for (let at = first; at < last; at++) {
      const row = this.#rows[at];
      kept.add(row.id);
      const element = this.#cells.get(row.id) ?? this.#row(row.id);
      element.style.top = `${at * ROW}px`;
      element.setAttribute('aria-rowindex', String(at + 2));
      element.setAttribute('aria-selected', String(row.id === this.#selected));
      if (row.id === this.#selected) this.#grid.setAttribute('aria-activedescendant', element.id);
      for (const [index, [, , text]] of SHOWN.entries()) {
        const cell = element.children[index];
        const shown = text(row);
        if (cell.textContent !== shown) cell.textContent = shown;
      }
      element.children[1].className = row.state === 'failed' ? 'bad' : row.state === 'ready' ? 'good' : '';
    }
    for (const [id, element] of this.#cells) {
      if (kept.has(id)) continue;
      element.remove();
      this.#cells.delete(id);
    }
  }

  #row(id) {
    const element = document.createElement('div');
    element.className = 'row';
    element.id = `row-${id}`;
    element.setAttribute('role', 'row');
    for (const _ of SHOWN) {
      const cell = document.createElement('div');
      cell.setAttribute('role', 'gridcell');
      element.append(cell);
    }
    element.addEventListener('click', () => this.#open(id));
    this.#cells.set(id, element);
    this.#body.append(element);
    return element;
  }
}
