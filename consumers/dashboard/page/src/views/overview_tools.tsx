// Above the list: how many, by state, the filter, columns, and views kept under a name.
import { useState } from "preact/hooks";
import { toggled } from "../chart_settings";
import { diverged } from "../divergence";
import { count } from "../format";
import { columns } from "../overview_columns";
import { overviewText, readOverview, readSaved, withSaved, type OverviewSettings, type SavedFilter } from "../overview_settings";
import { trainerStates, type Trainer } from "../protocol";
import { readStored, store } from "../storage";
import { ExtraColumns, GroupChoice } from "./extra_columns";
import { stateClass } from "./state_badge";

const kKey = "trainbus-filters";

interface Props {
  all: Trainer[];
  shown: number;
  settings: OverviewSettings;
  change: (changed: Partial<OverviewSettings>) => void;
}

export function OverviewTools({ all, shown, settings, change }: Props) {
  const lost = all.filter((trainer) => diverged(trainer) !== null).length;
  const chips = [
    ...trainerStates.map((name) => ({ name: name as string, look: stateClass(name), found: all.filter((trainer) => trainer.state === name).length })),
    { name: "NaN", look: "state-dead", found: lost },
    { name: "archived", look: "state-stopped", found: all.filter(({ archived }) => archived).length },
  ].filter(({ name, found }) => found > 0 || settings.only.includes(name));
  return (
    <div class="toolbar">
      <h1 data-testid="trainer-count">
        {shown < all.length && `${count(shown)} of `}
        {count(all.length)} {all.length === 1 ? "trainer" : "trainers"}
      </h1>
      <div class="chips" role="group" aria-label="Filter by state">
        {chips.map(({ name, look, found }) => (
          <button key={name} class={`chip ${look}`} aria-pressed={settings.only.includes(name)} onClick={() => change({ only: toggled(settings.only, name) })}>
            {name} <b>{count(found)}</b>
          </button>
        ))}
      </div>
      <div class="toolbar-tools">
        <input
          type="search"
          placeholder="Filter: run, state, model, loss<0.5"
          title="Words that all are in the name, state, model or data set, and conditions on any value or setting: resnet loss<0.5 optimizer=adam loss=NaN"
          aria-label="Filter trainers"
          data-testid="filter"
          value={settings.filter}
          onInput={(event) => change({ filter: event.currentTarget.value })}
        />
        <details class="menu">
          <summary class="button small">Columns</summary>
          <div class="panel menu-list">
            {columns.map(({ id, title }) => (
              <label key={id}>
                <input type="checkbox" checked={settings.columns.includes(id)} disabled={id === "name"} data-column={id} onChange={() => change({ columns: toggled(settings.columns, id) })} />
                {title}
              </label>
            ))}
            <ExtraColumns settings={settings} change={change} />
          </div>
        </details>
        <GroupChoice settings={settings} change={change} />
        <Saved settings={settings} change={change} />
      </div>
    </div>
  );
}

function Saved({ settings, change }: Pick<Props, "settings" | "change">) {
  const [saved, setSaved] = useState(() => readSaved(readStored(kKey)));
  const [name, setName] = useState("");
  const keep = (list: SavedFilter[]) => {
    store(kKey, JSON.stringify(list));
    setSaved(list);
  };
  return (
    <details class="menu">
      <summary class="button small">Saved {saved.length > 0 && <b>{saved.length}</b>}</summary>
      <div class="panel menu-list">
        {saved.map((one) => (
          <span key={one.name} class="menu-line">
            <button class="small" onClick={() => change(readOverview(new URLSearchParams(one.view)))}>
              {one.name}
            </button>
            <button class="small" aria-label={`Forget ${one.name}`} onClick={() => keep(saved.filter((other) => other !== one))}>
              ×
            </button>
          </span>
        ))}
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (name.trim()) keep(withSaved(saved, { name: name.trim(), view: overviewText(settings) }));
            setName("");
          }}
        >
          <input placeholder="Save this view as" aria-label="Name of this view" maxLength={60} value={name} onInput={(event) => setName(event.currentTarget.value)} />
          <button class="small" type="submit">
            Save
          </button>
        </form>
      </div>
    </details>
  );
}
