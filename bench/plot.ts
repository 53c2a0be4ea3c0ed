// One row's plot, as SVG: runs from left to right, scores upwards from zero.

export interface Point {
  /** Of the run, plain text. */
  readonly label: string;
  readonly median: number;
  readonly samples: readonly number[];
}

export interface Plot {
  readonly points: readonly Point[];
  readonly limit: number;
  readonly label: (score: number) => string;
}

const WIDTH = 720;
const HEIGHT = 180;
const LEFT = 70;
const BOTTOM = 24;
const TOP = 10;

export function plot({ points, limit, label }: Plot): string {
  const highest = Math.max(limit, ...points.flatMap(({ samples }) => samples)) * 1.1;
  const x = (index: number) => Math.round(LEFT + ((index + 0.5) / points.length) * (WIDTH - LEFT));
  const y = (score: number) => Math.round(HEIGHT - BOTTOM - (Math.max(0, score) / highest) * (HEIGHT - BOTTOM - TOP));
  const text = (at: { readonly x: number; readonly y: number }, anchor: string, words: string) =>
    `<text x="${at.x}" y="${at.y}" text-anchor="${anchor}" font-size="12" fill="#666">${words}</text>`;
  const line = points.map(({ median }, index) => `${x(index)},${y(median)}`).join(" ");
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">`,
    `<line x1="${LEFT}" x2="${WIDTH}" y1="${y(0)}" y2="${y(0)}" stroke="#999"/>`,
    text({ x: LEFT - 8, y: y(0) + 4 }, "end", label(0)),
    `<line x1="${LEFT}" x2="${WIDTH}" y1="${y(limit)}" y2="${y(limit)}" stroke="#b3261e" stroke-dasharray="5 4"/>`,
    text({ x: LEFT - 8, y: y(limit) + 4 }, "end", label(limit)),
    ...points.flatMap(({ samples }, index) =>
      samples.map((score) => `<circle cx="${x(index)}" cy="${y(score)}" r="3" fill="#3b6fb6" fill-opacity=".35"/>`),
    ),
    `<polyline points="${line}" fill="none" stroke="#3b6fb6" stroke-width="1.5"/>`,
    ...points.map(({ median }, index) => `<circle cx="${x(index)}" cy="${y(median)}" r="4" fill="#3b6fb6"/>`),
    ...points.map((point, index) => text({ x: x(index), y: HEIGHT - 6 }, "middle", point.label)),
    "</svg>",
  ].join("\n");
}
