// Columns beyond the usual ones: any named value, any parameter; and what the list is grouped by.
import { useEffect, useState } from "preact/hooks";
import { isExtra } from "../overview_columns";
import { usualGroups } from "../overview_groups";
import type { OverviewSettings } from "../overview_settings";
import { fetchJson } from "../series_api";

interface Props {
  settings: OverviewSettings;
  change: (changed: Partial<OverviewSettings>) => void;
}
const nameOf = (id: string): string => id.slice(id.indexOf(":") + 1);

// Every name that some trainer said, as ids of columns.
function useNames(): string[] {
  const [names, setNames] = useState<string[]>([]);
  useEffect(() => {
    const texts = (list: unknown, kind: string) => (Array.isArray(list) ? list.map((name) => `${kind}:${String(name)}`) : []);
    fetchJson("api/names")
      .then(({ values, parameters }) => setNames([...texts(parameters, "parameter"), ...texts(values, "value")]))
      .catch(() => {});
  }, []);
  return names;
}

export function ExtraColumns({ settings, change }: Props) {
  const names = useNames();
  const [text, setText] = useState("");
  const chosen = settings.columns.filter(isExtra);
  const add = (id: string) => {
    setText("");
    if (isExtra(id)) change({ columns: [...new Set([...settings.columns, id])] });
  };
  return (
    <>
      {chosen.map((id) => (
        <label key={id}>
          <input type="checkbox" checked data-column={id} onChange={() => change({ columns: settings.columns.filter((other) => other !== id) })} />
          {nameOf(id)}
        </label>
      ))}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          add(names.find((id) => id === text || nameOf(id) === text) ?? text);
        }}
      >
        <input list="column-names" placeholder="Any value or parameter" aria-label="Add a column" data-testid="add-column" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        <datalist id="column-names">
          {names.map((id) => (
            <option key={id} value={id} />
          ))}
        </datalist>
        <button class="small" type="submit">
          Add
        </button>
      </form>
    </>
  );
}

export function GroupChoice({ settings, change }: Props) {
  const names = useNames().filter((id) => id.startsWith("parameter:"));
  const extra = [...new Set([...settings.columns.filter(isExtra), settings.group, ...names])].filter(isExtra);
  return (
    <label class="group-choice">
      <span class="dim">Group by</span>{" "}
      <select data-testid="group-by" value={settings.group} onChange={(event) => change({ group: event.currentTarget.value, folded: [] })}>
        <option value="">nothing</option>
        {[...usualGroups, ...extra].map((id) => (
          <option key={id} value={id}>
            {nameOf(id)}
          </option>
        ))}
      </select>
    </label>
  );
}
