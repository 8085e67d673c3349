/** One line of a chart over time. */
export interface Line {
  readonly name: string;
  readonly unit: string;
  /** Values at equal distances in time. */
  readonly values: readonly number[];
}

const WIDTH = 720;
const HEIGHT = 180;
const LEFT = 70;
const TOP = 34;
/** As many points as a reader can tell apart; each stands for the median of its share of the values. */
const POINTS = 240;

/** Draws lines below each other, each from 0 to a little above its largest value, as an SVG that fits light and dark pages. */
export function chartOf(title: string, seconds: number, lines: readonly Line[]): string {
  const height = TOP + lines.length * (HEIGHT + 40);
  const parts = lines.map((line, at) => panelOf(line, TOP + at * (HEIGHT + 40), seconds));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH + LEFT + 20} ${height}" role="img" aria-label="${title}">
<style>
text { font: 12px system-ui, sans-serif; fill: #555 }
.grid { stroke: #8884; stroke-width: 1 }
.line { fill: none; stroke: #2a6fb0; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) { text { fill: #aaa } .line { stroke: #6fb3f2 } }
</style>
<text x="${LEFT}" y="18">${title}</text>
${parts.join('\n')}
</svg>
`;
}

function panelOf({ name, unit, values }: Line, top: number, seconds: number): string {
  const points = thinned(values);
  const most = 1.1 * Math.max(...points, 1);
  const x = (at: number): string => (LEFT + (at / (points.length - 1)) * WIDTH).toFixed(1);
  const y = (value: number): string => (top + 14 + (1 - value / most) * HEIGHT).toFixed(1);
  const path = points.map((value, at) => `${x(at)},${y(value)}`).join(' ');
  const marks = [0, most / 2, most].map(
    (value) =>
      `<line class="grid" x1="${LEFT}" x2="${LEFT + WIDTH}" y1="${y(value)}" y2="${y(value)}"/><text x="${LEFT - 8}" y="${y(value)}" text-anchor="end" dominant-baseline="middle">${Math.round(value)}</text>`,
  );
  const end = `<text x="${LEFT + WIDTH}" y="${top + HEIGHT + 30}" text-anchor="end">${seconds} s</text>`;
  return `<text x="${LEFT}" y="${top + 6}">${name}, ${unit}</text>${marks.join('')}<polyline class="line" points="${path}"/>${end}`;
}

function thinned(values: readonly number[]): readonly number[] {
  const size = Math.max(1, values.length / POINTS);
  const count = Math.ceil(values.length / size);
  return Array.from({ length: count }, (_, at) => {
    const share = values.slice(Math.floor(at * size), Math.max(Math.floor(at * size) + 1, Math.floor((at + 1) * size)));
    return share.toSorted((one, other) => one - other)[Math.floor(share.length / 2)] ?? 0;
  });
}
