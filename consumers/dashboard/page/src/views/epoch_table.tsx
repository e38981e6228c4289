// The exact numbers of each epoch, newest first.
import { loss, number, percent } from "../format";
import { curveOf, type Watched } from "../state";
import { aligned } from "../series";

const kMaxRows = 100;

export function EpochTable({ watched }: { watched: Watched }) {
  const names = ["epoch_loss", "validation_loss", "epoch_accuracy", "validation_accuracy", "epoch_learning_rate"] as const;
  const [epochs, ...columns] = aligned(names.map((name) => curveOf(watched, name)));
  if (epochs.length === 0) return null;
  const rows = epochs.map((epoch, i) => ({ epoch, values: columns.map((column) => column[i] ?? null) })).slice(-kMaxRows).reverse();
  return (
    <section class="panel epochs" aria-label="Epochs">
      <header>
        <h2>Epochs</h2>
      </header>
      <div class="table-box" tabIndex={0}>
        <table data-testid="epoch-table">
          <thead>
            <tr>
              {["epoch", "loss", "val. loss", "accuracy", "val. accuracy", "learning rate"].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ epoch, values }) => (
              <tr key={epoch} data-epoch={epoch}>
                <th scope="row">{epoch}</th>
                <td>{loss(values[0])}</td>
                <td>{loss(values[1])}</td>
                <td>{percent(values[2])}</td>
                <td>{percent(values[3])}</td>
                <td>{number(values[4])}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
