// A histogram over time: a column for each step, darker where more of its values lie.
import { useEffect, useRef, useState } from "preact/hooks";
import { count, number, percent } from "../format";
import { gridOf, spread, type HistogramGrid, type StepHistogram } from "../histogram_time";
import { fetchMedia, type MediaEntry } from "../media_api";
import type { Page } from "../page";
import { cssColour } from "../theme";
import type { Watched } from "../state";

const kColumns = 40; // each is a request, once
const kRows = 48;

export function HistogramOverTime({ page, watched, records }: { page: Page; watched: Watched; records: MediaEntry[] }) {
  const { grid, busy, problem } = useGrid(watched, records);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (grid && canvas.current) paint(canvas.current, grid);
  }, [grid, page.theme]);
  if (!grid) return problem ? <p class="problem">{problem}</p> : <p class="placeholder">{busy ? "loading…" : "no values in it"}</p>;
  const what = `${count(grid.steps.length)} steps from ${count(grid.steps[0])} to ${count(grid.steps.at(-1))}, values from ${number(grid.low)} to ${number(grid.high)}`;
  const look = (event: PointerEvent) => {
    const { left, top, width, height } = canvas.current!.getBoundingClientRect();
    const x = Math.min(grid.steps.length - 1, Math.max(0, Math.floor(((event.clientX - left) / width) * grid.steps.length)));
    const y = Math.min(kRows - 1, Math.max(0, kRows - 1 - Math.floor(((event.clientY - top) / height) * kRows)));
    const at = (row: number) => number(grid.low + (row * (grid.high - grid.low)) / kRows);
    setSaid(`step ${count(grid.steps[x])}: ${percent(grid.shares[x]![y]!)} from ${at(y)} to ${at(y + 1)}`);
  };
  return (
    <div class="histogram over-time">
      <div class="over-time-plot">
        <span class="edge-values">
          <span>{number(grid.high)}</span>
          <span>{number(grid.low)}</span>
        </span>
        <canvas ref={canvas} role="img" aria-label={`Histogram over time: ${what}`} onPointerMove={look} onPointerLeave={() => setSaid("")} />
      </div>
      <div class="ends">
        <span>step {count(grid.steps[0])}</span>
        <span class="dim">{said}</span>
        <span>{count(grid.steps.at(-1))}</span>
      </div>
    </div>
  );
}

interface Shown {
  grid: HistogramGrid | null;
  busy: boolean; // some have not come yet
  problem: string;
}

// What has come is shown; while the training goes on there is always one more to come.
function useGrid(watched: Watched, records: MediaEntry[]): Shown {
  const known = useRef(new Map<string, StepHistogram | null>()); // null: asked for
  const wanted = useRef<MediaEntry[]>([]);
  const [shown, setShown] = useState<Shown>({ grid: null, busy: true, problem: "" });
  wanted.current = spread(records, kColumns);
  useEffect(() => {
    forget(known.current, records);
    const show = (problem: string) => {
      const come = wanted.current.flatMap(({ id }) => known.current.get(id) ?? []);
      setShown({ grid: gridOf(come, kRows), busy: come.length < wanted.current.length, problem });
    };
    const asked = wanted.current.filter(({ id }) => !known.current.has(id)).map(async ({ id, step }) => {
      known.current.set(id, null);
      const content = await fetchMedia(watched, id).catch((error: unknown) => (known.current.delete(id), Promise.reject(error)));
      if (content?.type === "histogram") known.current.set(id, { step, edges: content.edges, counts: content.counts });
    });
    Promise.all(asked).then(() => show(""), (error: unknown) => show(error instanceof Error ? error.message : String(error)));
  }, [wanted.current.map(({ id }) => id).join()]);
  return shown;
}

// Of records that the server no longer keeps.
function forget(known: Map<string, unknown>, records: readonly MediaEntry[]): void {
  const kept = new Set(records.map(({ id }) => id));
  for (const id of known.keys()) if (!kept.has(id)) known.delete(id);
}

// A pixel for a cell; the style sheet makes it as large as the card.
function paint(canvas: HTMLCanvasElement, { shares, fullest }: HistogramGrid): void {
  canvas.width = shares.length;
  canvas.height = kRows;
  const context = canvas.getContext("2d")!;
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = cssColour("accent");
  shares.forEach((column, x) =>
    column.forEach((share, row) => {
      context.globalAlpha = Math.sqrt(share / fullest); // small shares are to be seen too
      context.fillRect(x, kRows - 1 - row, 1, 1);
    }),
  );
}
