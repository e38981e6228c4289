// Finer points of a part of a curve, decimated by the server.
import { parsePoints, type Points } from "./protocol";
import type { Session } from "./route";

export async function fetchSeries(
  session: Session,
  name: string,
  maxPoints: number,
  range: { min: number; max: number },
): Promise<Points> {
  const query = new URLSearchParams({
    name,
    max_points: String(maxPoints),
    x_min: String(Math.floor(range.min)),
    x_max: String(Math.ceil(range.max)),
  });
  const response = await fetch(`api/trainers/${session.run}/${session.trainer}/series?${query}`);
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const answer: unknown = await response.json();
  const points = (answer as { points?: unknown } | null)?.points;
  const pairs = Array.isArray(points) ? points.filter((pair): pair is unknown[] => Array.isArray(pair)) : [];
  return parsePoints(pairs.map((pair) => pair[0]), pairs.map((pair) => pair[1]));
}
