// The best and the last of each value: lower is better for losses and errors, higher for the rest.
import { bestAndLast, itemId, lowerIsBetter, type Compared } from "../compare";
import type { CompareData } from "../compare_data";
import { count, number } from "../format";
import { labelOf } from "./compare";

export function CompareTable({ compared: { items, values }, data }: { compared: Compared; data: CompareData }) {
  if (values.length === 0) return <p class="panel placeholder">Choose values to draw and to compare.</p>;
  return (
    <section class="panel compare-best" aria-label="Best and last values">
      <div class="table-box" tabIndex={0}>
        <table data-testid="compare-table">
          <thead>
            <tr>
              <td />
              {values.map((value) => (
                <th key={value} scope="col" colSpan={2}>
                  {value} {lowerIsBetter(value) ? "↓" : "↑"}
                </th>
              ))}
            </tr>
            <tr>
              <th scope="col">trainer</th>
              {values.flatMap((value) => [
                <th key={`${value} best`} scope="col">
                  best
                </th>,
                <th key={`${value} last`} scope="col">
                  last
                </th>,
              ])}
            </tr>
          </thead>
          <tbody>
            {items.map((item) => (
              <tr key={itemId(item)}>
                <th scope="row">{labelOf(item)}</th>
                {values.flatMap((value) => cellsOf(value, itemId(item), items.map(itemId), data))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function cellsOf(value: string, id: string, all: string[], data: CompareData) {
  const lower = lowerIsBetter(value);
  const figures = (one: string) => {
    const curve = data.items.get(one)?.curves.get(value);
    return curve ? bestAndLast(curve.points, lower) : null;
  };
  const own = figures(id);
  const bests = all.flatMap((one) => figures(one)?.best ?? []);
  const winner = own?.best !== null && own?.best !== undefined && own.best === (lower ? Math.min(...bests) : Math.max(...bests));
  const axis = data.items.get(id)?.curves.get(value)?.axis ?? "step";
  return [
    <td key={`${value} best`} class={winner && bests.length > 1 ? "winner" : undefined} title={own?.best !== null && own ? `at ${axis} ${count(own.bestAt)}` : undefined}>
      {own ? number(own.best) : "–"} {own?.best !== null && own && <span class="dim">@ {count(own.bestAt)}</span>}
    </td>,
    <td key={`${value} last`} class={own && !Number.isFinite(own.last) ? "bad" : undefined}>
      {own ? number(own.last) : "–"}
    </td>,
  ];
}
