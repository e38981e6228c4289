// A table of numbers, shaded by value: a confusion matrix shows its diagonal.
import { number } from "../format";

const kMaxCells = 10_000; // more would only slow the page down
const kFew = 6; // columns; more are narrower

interface Props {
  columns: readonly string[];
  rows: readonly string[];
  values: readonly (number | null)[];
}

export function TableView({ columns, rows, values }: Props) {
  const shownRows = rows.slice(0, Math.max(1, Math.floor(kMaxCells / Math.max(1, columns.length))));
  const largest = values.reduce<number>((most, value) => (value !== null && Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0) || 1;
  const many = columns.length > kFew;
  const shade = (value: number | null | undefined) => {
    if (value === null || value === undefined || !Number.isFinite(value)) return undefined;
    return { background: `color-mix(in srgb, var(--accent) ${Math.round((Math.abs(value) / largest) * 36)}%, transparent)` };
  };
  return (
    <div class={many ? "number-table many" : "number-table"} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <td />
            {columns.map((column, i) => (
              <th key={i} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shownRows.map((row, r) => (
            <tr key={r}>
              <th scope="row">{row}</th>
              {columns.map((_, c) => {
                const value = values[r * columns.length + c];
                return (
                  <td key={c} style={shade(value)} class={value !== null && value !== undefined && !Number.isFinite(value) ? "bad" : undefined}>
                    {number(value, many ? 3 : 4)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {shownRows.length < rows.length && <p class="dim">{rows.length - shownRows.length} more rows are not shown</p>}
    </div>
  );
}
