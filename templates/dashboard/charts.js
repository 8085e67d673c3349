// Live charts, drawn by uPlot.
import { short } from './figures.js';

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A chart of one series with its newest value as text, for those who do not see the drawing. */
export class Chart {
  #plot;
  #value = document.createElement('b');
  #box = document.createElement('div');
  #format;

  constructor(parent, title, format = short) {
    this.#format = format;
    this.#box.className = 'chart';
    const heading = document.createElement('h3');
    const name = document.createElement('span');
    name.textContent = title;
    heading.append(name, this.#value);
    this.#box.append(heading);
    parent.append(this.#box);
    this.#make();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#make());
    new ResizeObserver(() => this.#plot.setSize(this.#size())).observe(this.#box);
  }

  set(at, values) {
    this.#value.textContent = values.length === 0 ? '' : this.#format(values.at(-1));
    this.#plot.setData([at, values]);
  }

  #size() {
    return { width: Math.max(this.#box.clientWidth - 16, 50), height: 110 };
  }

  /** Makes the drawing again, because its colours are fixed when it is made. */
  #make() {
    const data = this.#plot?.data ?? [[], []];
    this.#plot?.destroy();
    const axis = { stroke: color('--dim'), grid: { stroke: color('--line'), width: 1 }, font: '11px system-ui' };
    const format = this.#format;
    this.#plot = new globalThis.uPlot(
      {
        ...this.#size(),
        legend: { show: false },
        cursor: { show: false },
        series: [{}, { stroke: color('--accent'), width: 2, points: { show: false } }],
        scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] } },
        axes: [
          { ...axis, size: 24, space: 80 },
          { ...axis, size: 64, space: 30, values: (_, ticks) => ticks.map((tick) => format(tick)) },
        ],
      },
      data,
      this.#box,
    );
  }
}
