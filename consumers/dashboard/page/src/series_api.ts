// Curves from the server, which decimates them: of a whole run, of a part of it, of one incarnation.
import { parsePoints, type Axis, type Points } from "./protocol";
import { apiOf, type Session } from "./route";
import type { Range } from "./timeline";

export interface CurveWish {
  maxPoints: number;
  range?: Range; // of x
  incarnation?: string; // "": all
}

export interface FetchedCurve {
  points: Points;
  axis: Axis;
  total: number; // points that there are; those here may be thinned
}

// Throws an Error with the server's one line.
export async function fetchJson(url: string): Promise<Record<string, unknown>> {
  const response = await fetch(url);
  const answer: unknown = await response.json().catch(() => null);
  const said = (answer as { error?: unknown } | null)?.error;
  if (!response.ok || typeof answer !== "object" || answer === null) throw new Error(typeof said === "string" ? said : `the server answered ${response.status}`);
  return answer as Record<string, unknown>;
}

export function curveQuery(name: string, { maxPoints, range, incarnation }: CurveWish): URLSearchParams {
  const query = new URLSearchParams({ name, max_points: String(maxPoints) });
  if (range) {
    query.set("x_min", String(Math.floor(range.min)));
    query.set("x_max", String(Math.ceil(range.max)));
  }
  if (incarnation) query.set("incarnation", incarnation);
  return query;
}

export async function fetchCurve(session: Session, name: string, wish: CurveWish): Promise<FetchedCurve> {
  const answer = await fetchJson(`${apiOf(session)}/series?${curveQuery(name, wish)}`);
  const pairs = Array.isArray(answer.points) ? answer.points.filter((pair): pair is unknown[] => Array.isArray(pair)) : [];
  const points = parsePoints(pairs.map((pair) => pair[0]), pairs.map((pair) => pair[1]));
  const total = answer.thinned === true ? Infinity : typeof answer.total === "number" ? answer.total : points.x.length;
  return { points, axis: answer.axis === "epoch" ? "epoch" : "step", total };
}
