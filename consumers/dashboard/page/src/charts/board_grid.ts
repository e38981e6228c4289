// How the charts of one group lie in rows: as many columns as fit, or a few fewer where fewer leave less blank; the last
// chart of a row is as wide as the row has room.
const kLeast = 320; // pixels of a chart
const kGap = 12; // as in the style sheet

export interface BoardGrid {
  columns: number;
  spans: number[]; // of each chart, in columns
}

// `spans`: as each chart has it; 0: a whole row.
export function gridFor(spans: readonly number[], width: number): BoardGrid {
  const fitting = Math.max(1, Math.floor((width + kGap) / (kLeast + kGap)));
  const wanted = spans.reduce((sum, span) => sum + span, 0);
  const fewest = fitting === 1 ? 1 : Math.max(2, Math.ceil(fitting / 2));
  const possible = spans.includes(0) || wanted >= fitting ? [] : [Math.max(1, wanted)];
  for (let columns = fitting; columns >= fewest; columns--) possible.push(columns);
  const grids = possible.map((columns) => filled(spans, columns));
  const { columns, spans: found } = grids.reduce((best, grid) => (grid.blank < best.blank ? grid : best));
  return { columns, spans: found };
}

// `blank`: cells that the last charts of rows had to fill.
function filled(spans: readonly number[], columns: number): BoardGrid & { blank: number } {
  const found: number[] = [];
  let [used, blank] = [0, 0];
  const endRow = () => {
    if (used > 0 && used < columns) {
      blank += columns - used;
      found[found.length - 1]! += columns - used;
    }
    used = 0;
  };
  for (const span of spans) {
    const own = span === 0 ? columns : Math.min(span, columns);
    if (used + own > columns) endRow();
    found.push(own);
    used = (used + own) % columns;
  }
  endRow();
  return { columns, spans: found, blank };
}
