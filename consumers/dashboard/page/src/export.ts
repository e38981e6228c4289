// A chart to take along: its points as a table, itself as a picture, and the ways to ask for its curves elsewhere.
import type { Band } from "./charts/band";
import { curlWith, pythonHead, shellOf } from "./copy_as";
import type { Points } from "./protocol";
import { aligned } from "./series";
import type { Session } from "./route";

export interface ExportLine {
  name: string;
  colour: string; // as CSS has it
  dash?: readonly number[];
  points: Points;
  band?: Band;
  right?: boolean; // has the axis on the right
  faint?: boolean; // lies behind its smoothed line
}

// The points that are shown, a row for each x. What was not said is empty; NaN and infinity are what they are.
export function csvOf(xName: string, lines: readonly ExportLine[]): string {
  const [x, ...columns] = aligned(lines.map(({ points }) => points));
  const head = [xName, ...lines.map(({ name }) => name)].map((name) => quoted(noFormula(name))).join(",");
  const rows = x.map((value, i) => [value, ...columns.map((column) => cell(column[i]))].join(","));
  return `${[head, ...rows].join("\n")}\n`;
}

// A spreadsheet takes what begins so for a formula, and a name is anybody's.
const noFormula = (name: string): string => (/^[=+\-@\t\r]/.test(name) ? `'${name}` : name);
const quoted = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
function cell(value: number | null | undefined): string {
  if (value === null || value === undefined) return "";
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

// The whole curves, from a shell and from Python.
const address = (origin: string, { run, trainer }: Session, name: string): string =>
  `${origin}/api/trainers/${run}/${trainer}/series?${new URLSearchParams({ name, max_points: "100000" })}`;

export const curlOf = (origin: string, session: Session, names: readonly string[], login: boolean): string =>
  shellOf(login, names.map((name) => `${curlWith(login)} '${address(origin, session, name).replaceAll("'", "%27")}'`));

// Characters that are not seen, or turn a line around, are written by their number: what is pasted is what was read.
const kUnseen = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const pythonText = (text: string): string => JSON.stringify(text).replace(kUnseen, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);

export const pythonOf = (origin: string, session: Session, names: readonly string[], login: boolean): string =>
  [
    ...pythonHead(login),
    "def curve(url):  # [[x, y], ...]; y may be 'NaN', 'Infinity' or '-Infinity', which float() reads",
    ...(login ? ["    url = urllib.request.Request(url, headers=token)"] : []),
    "    return [(x, float(y)) for x, y in json.load(urllib.request.urlopen(url))['points']]",
    "",
    "curves = {",
    ...names.map((name) => `    ${pythonText(name)}: curve(${pythonText(address(origin, session, name))}),`),
    "}",
  ].join("\n");

// From what the user looks at to a file of this name.
export const fileName = (title: string, ending: string): string => `${title.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^-+|-+$/g, "") || "chart"}.${ending}`;
