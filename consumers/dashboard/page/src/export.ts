// A chart to take along: its points as a table, itself as a picture, and the ways to ask for its curves elsewhere.
import type { Points } from "./protocol";
import { aligned } from "./series";
import type { Session } from "./route";

export interface ExportLine {
  name: string;
  colour: string; // as CSS has it
  dash?: readonly number[];
  points: Points;
}

// The points that are shown, a row for each x. What was not said is empty; NaN and infinity are what they are.
export function csvOf(xName: string, lines: readonly ExportLine[]): string {
  const [x, ...columns] = aligned(lines.map(({ points }) => points));
  const head = [xName, ...lines.map(({ name }) => name)].map(quoted).join(",");
  const rows = x.map((value, i) => [value, ...columns.map((column) => cell(column[i]))].join(","));
  return `${[head, ...rows].join("\n")}\n`;
}

const quoted = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
function cell(value: number | null | undefined): string {
  if (value === null || value === undefined) return "";
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

export interface Frame {
  title: string;
  width: number;
  height: number;
  x: { min: number; max: number };
  y: { min: number; max: number };
  logX: boolean;
  logY: boolean;
  ticks: { x: [number, string][]; y: [number, string][] };
  text: string; // colour
  grid: string;
  back: string;
}

const kMargin = { left: 64, right: 16, top: 44, bottom: 28 };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]!);

// A drawing of its own, with text as text.
export function svgOf(frame: Frame, lines: readonly ExportLine[]): string {
  const inner = { width: frame.width - kMargin.left - kMargin.right, height: frame.height - kMargin.top - kMargin.bottom };
  const share = (value: number, { min, max }: { min: number; max: number }, log: boolean) =>
    log ? (Math.log(value) - Math.log(min)) / (Math.log(max) - Math.log(min)) : (value - min) / (max - min);
  const left = (x: number) => kMargin.left + share(x, frame.x, frame.logX) * inner.width;
  const top = (y: number) => kMargin.top + (1 - share(y, frame.y, frame.logY)) * inner.height;
  const round = (value: number) => Math.round(value * 10) / 10;
  const path = ({ x, y }: Points): string => {
    let pen = "M";
    return x
      .flatMap((value, i) => {
        const height = y[i]!;
        if (!Number.isFinite(height) || (frame.logY && height <= 0) || value < frame.x.min || value > frame.x.max) return [];
        const point = `${pen}${round(left(value))} ${round(top(height))}`;
        pen = "L";
        return [point];
      })
      .join("");
  };
  const bottom = kMargin.top + inner.height;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${frame.width}" height="${frame.height}" viewBox="0 0 ${frame.width} ${frame.height}" font-family="system-ui, sans-serif" font-size="11">`,
    `<rect width="100%" height="100%" fill="${frame.back}"/>`,
    `<text x="12" y="18" font-size="13" font-weight="600" fill="${frame.text}">${escaped(frame.title)}</text>`,
    ...lines.map(({ name, colour }, i) => `<text x="${12 + i * 150}" y="35" fill="${colour}">${escaped(name || frame.title)}</text>`),
    ...frame.ticks.x.map(([x, text]) => `<path d="M${round(left(x))} ${kMargin.top}V${bottom}" stroke="${frame.grid}"/><text x="${round(left(x))}" y="${bottom + 16}" text-anchor="middle" fill="${frame.text}">${escaped(text)}</text>`),
    ...frame.ticks.y.map(([y, text]) => `<path d="M${kMargin.left} ${round(top(y))}H${frame.width - kMargin.right}" stroke="${frame.grid}"/><text x="${kMargin.left - 6}" y="${round(top(y)) + 4}" text-anchor="end" fill="${frame.text}">${escaped(text)}</text>`),
    `<clipPath id="area"><rect x="${kMargin.left}" y="${kMargin.top}" width="${inner.width}" height="${inner.height}"/></clipPath>`,
    `<g clip-path="url(#area)" fill="none" stroke-width="1.5">`,
    ...lines.map(({ points, colour, dash }) => `<path d="${path(points)}" stroke="${colour}"${dash ? ` stroke-dasharray="${dash.join(" ")}"` : ""}/>`),
    "</g></svg>",
  ];
  return parts.join("\n");
}

// The whole curves, from a shell and from Python.
const address = (origin: string, { run, trainer }: Session, name: string): string =>
  `${origin}/api/trainers/${run}/${trainer}/series?${new URLSearchParams({ name, max_points: "100000" })}`;

export const curlOf = (origin: string, session: Session, names: readonly string[]): string =>
  names.map((name) => `curl -s '${address(origin, session, name).replaceAll("'", "%27")}'`).join("\n");

export const pythonOf = (origin: string, session: Session, names: readonly string[]): string =>
  [
    "import json, urllib.request",
    "",
    "def curve(url):  # [[x, y], ...]; y may be 'NaN', 'Infinity' or '-Infinity', which float() reads",
    "    return [(x, float(y)) for x, y in json.load(urllib.request.urlopen(url))['points']]",
    "",
    "curves = {",
    ...names.map((name) => `    ${JSON.stringify(name)}: curve(${JSON.stringify(address(origin, session, name))}),`),
    "}",
  ].join("\n");

// From what the user looks at to a file of this name.
export const fileName = (title: string, ending: string): string => `${title.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^-+|-+$/g, "") || "chart"}.${ending}`;
