// A chart as a drawing of its own: what is on screen, with text as text.
import type { ExportLine } from "./export";
import type { Band } from "./charts/band";
import type { Points } from "./protocol";

export interface Scale {
  min: number;
  max: number;
  log: boolean;
  ticks: [number, string][];
}
export interface Mark {
  x: number;
  text: string;
  colour: string;
}
export interface Frame {
  title: string;
  width: number;
  height: number;
  x: Scale;
  y: Scale;
  right: Scale | null; // of the lines that have one of their own
  marks: Mark[];
  text: string; // colour
  grid: string;
  back: string;
}

const kSide = 64;
export const kLegendRow = 16;
const kCharacter = 6.2; // pixels of one, about
const kLegendGap = 18;
const escaped = (text: string): string => text.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]!);
const round = (value: number): number => Math.round(value * 10) / 10;
const share = (value: number, { min, max, log }: Scale): number =>
  log ? (Math.log(value) - Math.log(min)) / (Math.log(max) - Math.log(min)) : (value - min) / (max - min);

// Names beside one another, on as many rows as they need.
export function legendOf(lines: readonly ExportLine[], title: string, width: number): { text: string; colour: string; x: number; row: number }[] {
  let [x, row] = [12, 0];
  return lines.map(({ name, colour, right }) => {
    const text = (name || title) + (right ? " (right)" : "");
    const needed = text.length * kCharacter + kLegendGap;
    if (x > 12 && x + needed > width) [x, row] = [12, row + 1];
    const placed = { text, colour, x, row };
    x += needed;
    return placed;
  });
}

export function svgOf(frame: Frame, lines: readonly ExportLine[]): string {
  const named = lines.filter(({ faint }) => !faint);
  const legend = legendOf(named, frame.title, frame.width);
  const margin = { left: kSide, right: frame.right ? kSide : 16, top: 28 + kLegendRow * ((legend.at(-1)?.row ?? 0) + 1), bottom: 28 };
  const inner = { width: frame.width - margin.left - margin.right, height: frame.height - margin.top - margin.bottom };
  const bottom = margin.top + inner.height;
  const left = (x: number) => round(margin.left + share(x, frame.x) * inner.width);
  const top = (y: number, scale: Scale) => round(margin.top + (1 - share(y, scale)) * inner.height);
  const scaleOf = ({ right }: ExportLine) => (right && frame.right) || frame.y;
  const inside = (x: number) => x >= frame.x.min && x <= frame.x.max;
  const drawable = (y: number, { log }: Scale) => Number.isFinite(y) && !(log && y <= 0);
  const path = ({ x, y }: Points, scale: Scale): string =>
    x.flatMap((value, i) => (inside(value) && drawable(y[i]!, scale) ? [`${left(value)} ${top(y[i]!, scale)}`] : [])).map((point, i) => (i === 0 ? "M" : "L") + point).join("");
  const area = ({ x, low, high }: Band, scale: Scale): string => {
    const at = x.flatMap((value, i) => (inside(value) && drawable(low[i]!, scale) ? [i] : []));
    const edge = (order: number[], y: number[]) => order.map((i) => `${left(x[i]!)} ${top(y[i]!, scale)}`);
    const points = [...edge(at, high), ...edge([...at].reverse(), low)];
    return points.length > 2 ? `M${points.join("L")}Z` : "";
  };
  const lost = (line: ExportLine): string =>
    line.points.x.flatMap((x, i) => (inside(x) && !Number.isFinite(line.points.y[i]!) ? [`M${left(x)} ${bottom}v-8`] : [])).join("");
  const tick = (x: number, y: number, text: string, anchor: string) => `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${frame.text}">${escaped(text)}</text>`;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${frame.width}" height="${frame.height}" viewBox="0 0 ${frame.width} ${frame.height}" font-family="system-ui, sans-serif" font-size="11">`,
    `<rect width="100%" height="100%" fill="${frame.back}"/>`,
    `<text x="12" y="18" font-size="13" font-weight="600" fill="${frame.text}">${escaped(frame.title)}</text>`,
    ...legend.map(({ text, colour, x, row }) => `<text x="${round(x)}" y="${35 + row * kLegendRow}" fill="${colour}">${escaped(text)}</text>`),
    ...frame.x.ticks.map(([x, text]) => `<path d="M${left(x)} ${margin.top}V${bottom}" stroke="${frame.grid}"/>${tick(left(x), bottom + 16, text, "middle")}`),
    ...frame.y.ticks.map(([y, text]) => `<path d="M${margin.left} ${top(y, frame.y)}H${frame.width - margin.right}" stroke="${frame.grid}"/>${tick(margin.left - 6, top(y, frame.y) + 4, text, "end")}`),
    ...(frame.right?.ticks ?? []).map(([y, text]) => tick(frame.width - margin.right + 6, top(y, frame.right!) + 4, text, "start")),
    `<clipPath id="area"><rect x="${margin.left}" y="${margin.top}" width="${inner.width}" height="${inner.height}"/></clipPath>`,
    `<g clip-path="url(#area)" fill="none" stroke-width="1.5">`,
    ...frame.marks.filter(({ x }) => inside(x)).map(({ x, text, colour }) => `<path d="M${left(x)} ${margin.top}V${bottom}" stroke="${colour}" stroke-dasharray="3 3"><title>${escaped(text)}</title></path>`),
    ...lines.flatMap((line) => (line.band ? [`<path d="${area(line.band, scaleOf(line))}" fill="${line.colour}" fill-opacity="0.2"/>`] : [])),
    ...lines.map((line) => `<path d="${path(line.points, scaleOf(line))}" stroke="${line.colour}"${line.faint ? ' stroke-opacity="0.35"' : ""}${line.dash ? ` stroke-dasharray="${line.dash.join(" ")}"` : ""}/>`),
    ...named.flatMap((line) => (lost(line) ? [`<path d="${lost(line)}" stroke="${line.colour}" stroke-width="2"><title>not finite</title></path>`] : [])),
    "</g></svg>",
  ];
  return parts.join("\n");
}
